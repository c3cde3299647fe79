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
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from cases import (
    ALONE, IMPORTS, LAYERED, ONE_THREAD, PREDICTION, ROOFS, SEEDS, SLOPES, TO_98,
    TRAINING,
)
from measure import STARTS, measure
from memory import peak_mb
from peers import COMPILED, OURS, PEERS, NotOffered
from report import markdown, picture

HERE = Path(__file__).parent
CASES = [*ROOFS, *TRAINING, *SLOPES, *LAYERED, *ALONE, TO_98, *PREDICTION, *IMPORTS]
ON_ONE_THREAD = OURS, COMPILED, "PyTorch", "JAX", "ONNX Runtime"


def takes_part(peer, case):
    """Whether a comparison makes sense: NumPy is the yardstick of the import alone, a
    compiled step and compiled loops of ours are that of training."""
    case = case.removesuffix(", alone")
    if case in IMPORTS:
        return peer in IMPORTS[case]
    if case.endswith(ONE_THREAD) and peer not in ON_ONE_THREAD:
        return False
    if case in LAYERED:
        return peer in STARTS
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


def environment(**variables):
    "Of a process that finds the modules beside this file."
    path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, **variables, "PYTHONPATH": path}


def child(peer, threads, started):
    "Measure what is asked for, line by line, in JSON; nothing else is written there."
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        name, seed = json.loads(line)
        try:
            answer = measure(peer, name, seed, started)
        except NotOffered as reason:
            answer = {"missing": f"not offered: {reason}"}
        if name in ALONE or name == TO_98:
            answer["peak_mb"] = peak_mb()
        print(json.dumps(answer), file=answers, flush=True)


class Worker:
    """A process with a peer on some threads. It stands still but for its measurements,
    so that none of its threads takes time from another peer."""

    def __init__(self, peer, threads):
        variables = {
            variable: str(threads)
            for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                             "MKL_NUM_THREADS")
        }
        command = [
            sys.executable, __file__, "--child", peer, "--threads", str(threads),
            "--started", str(time.time()),
        ]
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
            text=True, env=environment(**variables, TF_CPP_MIN_LOG_LEVEL="3"),
        )

    def ask(self, name, seed):
        "One measurement, or why there is none."
        self.process.send_signal(signal.SIGCONT)
        try:
            print(json.dumps([name, seed]), file=self.process.stdin, flush=True)
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self.errors.seek(0)
            *_, last = "without a word", *self.errors.read().strip().splitlines()
            return {"missing": f"failed: {last[:120]}"}
        self.process.send_signal(signal.SIGSTOP)
        return json.loads(line)

    def close(self):
        self.process.kill()
        self.process.wait()
        for file in (self.process.stdin, self.process.stdout, self.errors):
            with suppress(BrokenPipeError):  # unread by one that has ended
                file.close()


class Workers:
    "The processes under way, by peer and threads."

    def __init__(self):
        self.running = {}

    def ask(self, peer, name, threads, round):
        "One measurement; of an import and of `ALONE` by a process that ends."
        if importlib.util.find_spec(PEERS[peer][1]) is None:
            return {"missing": "not installed"}
        if name in IMPORTS:
            return timed_import(IMPORTS[name][peer])
        if name == TO_98 and "NN_FROM_SCRATCH_DATA" not in os.environ:
            return {"missing": "NN_FROM_SCRATCH_DATA does not say where MNIST is"}
        if name in ALONE or name == TO_98:
            worker = Worker(peer, threads)
            answer = worker.ask(name, round % SEEDS)
            worker.close()
            return answer
        place = peer, 1 if name.endswith(ONE_THREAD) else threads
        if place not in self.running:
            self.running[place] = Worker(*place)
        answer = self.running[place].ask(name, round % SEEDS)
        if self.running[place].process.poll() is not None:  # the next case begins anew
            self.running.pop(place).close()
        return answer

    def close(self):
        for worker in self.running.values():
            worker.close()


def timed_import(statement):
    "In a fresh process."
    run = subprocess.run(
        [sys.executable, "-c", IMPORT_TIMER.format(statement=statement)],
        capture_output=True, text=True, env=environment(), check=True,
    )
    return json.loads(run.stdout)


def collect(names, peers, rounds, threads, until):
    """All measurements, round by round, so that a slow minute of the machine meets
    every peer; as many rounds as end before a time. The first also compiles, and
    measures what does not change from round to round, the memory."""
    from tqdm import tqdm
    results = {
        name: {peer: {} for peer in peers if takes_part(peer, name)} for name in names
    }
    workers = Workers()
    if COMPILED in results.get(TO_98, ()):  # its loops come from the disk
        workers.ask(COMPILED, TO_98, threads, 0)
    for i in range(rounds):
        began = time.time()
        tasks = [
            (name, peer)
            for name in names
            for peer, entry in results[name].items()
            if "missing" not in entry and (i == 0 or name not in ALONE)
        ]
        for name, peer in tqdm(tasks, desc=f"round {i + 1}", unit="run"):
            add(results[name], peer, workers.ask(peer, name, threads, i))
        lasted = time.time() - began
        if time.time() + (lasted if i else lasted / 3) > until:
            break
    workers.close()
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
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument(
        "--started", type=float, default=time.time(), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    if options.child:
        return child(options.child, options.threads, options.started)
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
