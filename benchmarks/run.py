"""Times every case with every peer in turn, A B C A B C ..., each in a process of its
own, and writes the results as JSON, Markdown and SVG. `make bench` calls it; `python
benchmarks/run.py --help` lists the options."""
import argparse
import datetime
import importlib.metadata
import importlib.util
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from cases import (
    IMPORTS, LAYERED, ONE_THREAD, PREDICTION, ROOFS, SEEDS, SLOPES, TO_98, TRAINING,
)
from measure import STARTS, measure
from memory import peak_mb
from peers import COMPILED, OURS, PEERS, NotOffered
from report import markdown, picture

HERE = Path(__file__).parent
CASES = [*ROOFS, *TRAINING, *SLOPES, *LAYERED, TO_98, *PREDICTION, *IMPORTS]
# Seconds of a round on two idle cores, at most: roofs 30, training 160 (and
# 150 of SELDOM), slopes 70, layers 110, to an accuracy 20, prediction 40, imports 10.
# Those of SELDOM compile or load for long, and are left out from the third round on.
FEW, SELDOM = 2, ("compiled PyTorch", "Keras on JAX", "MyGrad", "micrograd")
ON_ONE_THREAD = OURS, COMPILED, "PyTorch", "JAX", "ONNX Runtime"


def takes_part(peer, case):
    """Whether a comparison makes sense: NumPy is the yardstick of the import alone, a
    compiled step and compiled loops of ours are that of training."""
    if case in IMPORTS:
        return peer in IMPORTS[case]
    if case.endswith(ONE_THREAD) and peer not in ON_ONE_THREAD:
        return False
    if case in LAYERED:
        return peer in STARTS and (peer != COMPILED or LAYERED[case].training)
    if case in ROOFS:
        return peer in (OURS, "PyTorch", "JAX")
    if case in SLOPES:
        return peer in (OURS, COMPILED, "PyTorch", "JAX")
    if peer in (OURS, "scikit-learn", "PyTorch", "JAX"):
        return True
    if case == TO_98:
        return peer in (COMPILED, "Keras on JAX")
    if case in PREDICTION:
        return peer in (COMPILED, "ONNX Runtime", "Keras on JAX")
    return peer not in ("ONNX Runtime", "NumPy")


IMPORT_TIMER = """import time
start = time.perf_counter()
{statement}
seconds = time.perf_counter() - start
import json
from memory import peak_mb
print(json.dumps(dict(seconds=seconds, peak_mb=peak_mb())))"""


def child(peer, name, threads, started, seed):
    "One measurement, printed as one line of JSON."
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    try:
        answer = measure(peer, name, started, seed) | {"peak_mb": peak_mb()}
    except NotOffered as reason:
        answer = {"missing": f"not offered: {reason}"}
    print(json.dumps(answer))


def ask(peer, name, threads, round):
    "One measurement in a fresh process, or why there is none."
    if importlib.util.find_spec(PEERS[peer][1]) is None:
        return {"missing": "not installed"}
    if name.endswith(ONE_THREAD):
        threads = 1
    command = [
        sys.executable, __file__, "--child", peer, name, "--threads", str(threads),
        "--started", str(time.time()), "--seed", str(round % SEEDS),
    ]
    if name in IMPORTS:
        timer = IMPORT_TIMER.format(statement=IMPORTS[name][peer])
        command = [sys.executable, "-c", timer]
    if name == TO_98 and "NN_FROM_SCRATCH_DATA" not in os.environ:
        return {"missing": "NN_FROM_SCRATCH_DATA does not say where MNIST is"}
    variables = {
        variable: str(threads)
        for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    }
    path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    run = subprocess.run(command, capture_output=True, text=True,
                         env={**os.environ, **variables, "TF_CPP_MIN_LOG_LEVEL": "3",
                              "PYTHONPATH": path})
    if run.returncode:
        *_, last = "without a word", *run.stderr.strip().splitlines()
        return {"missing": f"failed: {last[:120]}"}
    return json.loads(run.stdout.splitlines()[-1])


def collect(names, peers, rounds, threads, until):
    """All measurements, round by round, so that a slow minute of the machine meets
    every peer; as many rounds as end before a time. Before the first, our loops are
    compiled and kept on the disk."""
    from tqdm import tqdm
    results = {
        name: {peer: {} for peer in peers if takes_part(peer, name)} for name in names
    }
    for name in names:
        if COMPILED in results[name]:
            ask(COMPILED, name, threads, 0)
    for i in range(rounds):
        began = time.time()
        tasks = [
            (name, peer)
            for name in names
            for peer, entry in results[name].items()
            if "missing" not in entry and (i < FEW or peer not in SELDOM)
        ]
        for name, peer in tqdm(tasks, desc=f"round {i + 1}", unit="run"):
            add(results[name], peer, ask(peer, name, threads, i))
        if 2 * time.time() - began > until:
            break
    return results, i + 1


def add(entries, peer, answer):
    "Note a measurement, or why there is none."
    if "missing" not in answer:
        answer = checked(answer, entries[OURS])
    if "missing" in answer:
        entries[peer] = answer
        return
    for key, value in answer.items():
        entries[peer].setdefault(key, []).append(value)


def checked(answer, ours):
    "A peer whose loss is another one computes something else, and is not compared."
    found, expected = answer.get("loss"), ours.get("loss", [answer.get("loss")])[0]
    if found is None or abs(found - expected) <= 1e-3 * expected:
        return answer
    return {"missing": f"failed: a loss of {found:.5g} in place of {expected:.5g}"}


def processor():
    "Its name, as the system tells it."
    listed = Path("/proc/cpuinfo")
    if not listed.exists():
        return platform.processor()
    lines = listed.read_text().splitlines()
    names = [line.split(":")[1] for line in lines if line.startswith("model name")]
    return names[0].strip() if names else ""


LIBRARIES = """
numpy numba scikit-learn torch jax keras mygrad micrograd onnxruntime
""".split()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=5, help="measurements of each pair, at most (5)"
    )
    parser.add_argument(
        "--minutes", type=float, default=28,
        help="no round begins that would end later (28)",
    )
    parser.add_argument(
        "--threads", type=int, default=min(2, os.cpu_count()),
        help="threads of every peer (2)",
    )
    parser.add_argument(
        "--only", nargs="+", default=[""], metavar="TEXT",
        help="cases whose name contains one of these texts",
    )
    parser.add_argument(
        "--peers", default=",".join(PEERS), help="names, separated by commas"
    )
    parser.add_argument(
        "--out", type=Path, default=HERE / "results", help="folder of the results"
    )
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument(
        "--started", type=float, default=time.time(), help=argparse.SUPPRESS
    )
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(
            *options.child, options.threads, options.started, options.seed
        )
    if unknown := set(options.peers.split(",")) - set(PEERS):
        parser.error(f"no peer {', '.join(unknown)}; there are {', '.join(PEERS)}")
    names = [name for name in CASES if any(text in name for text in options.only)]
    if not names:
        parser.error(
            f"no case has one of {options.only} in its name; "
            f"there are {'; '.join(CASES)}"
        )
    peers = [OURS, *(peer for peer in options.peers.split(",") if peer != OURS)]
    installed = [
        name
        for name in LIBRARIES
        if importlib.util.find_spec(name.replace("scikit-learn", "sklearn"))
    ]
    results, rounds = collect(
        names, peers, options.rounds, options.threads,
        options.started + 60 * options.minutes,
    )
    report = {
        "date": datetime.date.today().isoformat(),
        "machine": f"{processor()}, {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}",
        "threads": options.threads,
        "rounds": rounds,
        "minutes": (time.time() - options.started) / 60,
        "versions": {name: importlib.metadata.version(name) for name in installed},
        "cases": results,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    stem = options.out / report["date"]
    stem.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
    stem.with_suffix(".md").write_text(text := markdown(report))
    picture(report).savefig(stem.with_suffix(".svg"), metadata={"Date": None})
    print(text)


if __name__ == "__main__":
    main()
