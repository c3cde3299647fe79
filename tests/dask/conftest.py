"""A scheduler and three worker processes on this machine, for the tests here."""
import pytest

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="session")
def cluster():
    with distributed.LocalCluster(
        n_workers=3, threads_per_worker=1, processes=True, host="127.0.0.1",
        dashboard_address=None,
    ) as cluster:
        yield cluster


@pytest.fixture()
def client(cluster):
    # by its address: a LocalCluster loses count of workers that its nannies restart
    address = cluster.scheduler_address
    with distributed.Client(address, direct_to_workers=True) as client:
        client.wait_for_workers(3, timeout=60)
        yield client
