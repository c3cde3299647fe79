"""A scheduler and three worker processes on this machine, for the tests here."""
from contextlib import contextmanager

import pytest

distributed = pytest.importorskip("distributed")


def three_workers():
    return distributed.LocalCluster(
        n_workers=3, threads_per_worker=1, processes=True, host="127.0.0.1",
        dashboard_address=None)


@contextmanager
def connected(cluster):
    # by its address: a LocalCluster loses count of workers that its nannies restart
    address = cluster.scheduler_address
    with distributed.Client(address, direct_to_workers=True) as client:
        client.wait_for_workers(3, timeout=60)
        yield client


@pytest.fixture(scope="session")
def cluster():
    with three_workers() as cluster:
        yield cluster


@pytest.fixture()
def client(cluster):
    with connected(cluster) as client:
        yield client


@pytest.fixture()
def mortal():
    "A client of workers that are this test's alone, which may kill one."
    with three_workers() as cluster, connected(cluster) as client:
        yield client
