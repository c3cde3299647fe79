"""Times every case with every peer in turn, A B C A B C ..., each in a process of its
own, and writes the results as JSON, Markdown and SVG. `make bench` calls it; `python
benchmarks/run.py --help` lists the options."""
import argparse
import datetime
import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from cases import (
    IMPORTS, LAYERED, PREDICTION, RECIPE_98, SMALL, TO_98, TRAINING, Case, data, images,
)
from peers import PEERS, NotOffered

HERE, OURS = Path(__file__).parent, "nn_from_scratch"
CASES = [*TRAINING, *LAYERED, TO_98, *PREDICTION, *IMPORTS]
# what starts the networks of `networks.py`, by peer
STARTS = {OURS: "networks", "PyTorch": "networks_torch", "JAX": "networks_jax"}


def takes_part(peer, case):
    """Whether a comparison makes sense: NumPy is the yardstick of the import alone, a
    compiled step that of training; JAX, which compiles for long, is not timed twice."""
    if case in IMPORTS: return peer in IMPORTS[case]
    if case in LAYERED and LAYERED[case].threads: return peer in (OURS, "PyTorch")
    if case in LAYERED: return peer in STARTS
    if peer in (OURS, "scikit-learn", "PyTorch", "JAX"): return True
    if case == TO_98: return peer == "Keras on JAX"
    if case in PREDICTION: return peer in ("ONNX Runtime", "Keras on JAX")
    return peer not in ("ONNX Runtime", "NumPy")


def measure(peer, name, started):
    """One case in this process: seconds of an epoch, of a prediction, or from the start
    of the process to the last epoch."""
    function = PEERS[peer][0]
    if name in TRAINING:
        case = TRAINING[name]
        train, _ = function(case, *data(case))
        train(1)
        start = time.perf_counter()
        train(case.epochs)
        return {"seconds": (time.perf_counter() - start) / case.epochs}
    if name == TO_98:
        X, y, x_test, y_test = images()
        train, predict = function(RECIPE_98, X, y)
        start = time.time()
        train(RECIPE_98.epochs)
        end = time.time()
        return {
            "seconds": end - started,
            "training": end - start,
            "accuracy": float(np.mean(predict(x_test).argmax(axis=1) == y_test)),
        }
    if name in LAYERED: return measure_layered(peer, LAYERED[name])
    rows, repetitions = PREDICTION[name]
    case = Case(SMALL, 100, 1000, 1)
    X, y = data(case)
    train, predict = function(case, X, y)
    if peer == "scikit-learn": train(1)  # it has no weights before
    X = np.ascontiguousarray(np.resize(X, (rows, X.shape[1])))
    for _ in range(5): predict(X)
    return {"seconds": median_of(lambda: predict(X), repetitions)}


def measure_layered(peer, case):
    """One step, or the outputs; and the loss after three of them, the same for all who
    compute the same."""
    import networks
    model = networks.network(case)
    X, y = networks.batch(model, case)
    step, outputs = importlib.import_module(STARTS[peer]).start(model, case, X, y)
    call = step if case.training else outputs
    for _ in range(3): call()
    loss = float(networks.loss(model, outputs(), y))
    return {"seconds": median_of(call, case.calls), "loss": loss}


def median_of(call, repetitions):
    "Seconds of a call."
    seconds = []
    for _ in range(repetitions):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


IMPORT_TIMER = """import time
start = time.perf_counter()
{statement}
seconds = time.perf_counter() - start
import json
import resource
peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(dict(seconds=seconds, peak_mb=peak_mb)))"""


def child(peer, name, threads, started):
    "One measurement, printed as one line of JSON."
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    try:
        answer = {
            **measure(peer, name, started),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
    except NotOffered as reason:
        answer = {"missing": f"not offered: {reason}"}
    print(json.dumps(answer))


def ask(peer, name, threads):
    "One measurement in a fresh process, or why there is none."
    if importlib.util.find_spec(PEERS[peer][1]) is None:
        return {"missing": "not installed"}
    if name in LAYERED: threads = LAYERED[name].threads or threads
    command = [
        sys.executable, __file__, "--child", peer, name, "--threads", str(threads),
        "--started", str(time.time()),
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
    run = subprocess.run(command, capture_output=True, text=True,
                         env={**os.environ, **variables, "TF_CPP_MIN_LOG_LEVEL": "3"})
    if run.returncode:
        *_, last = "without a word", *run.stderr.strip().splitlines()
        return {"missing": f"failed: {last[:120]}"}
    return json.loads(run.stdout.splitlines()[-1])


def collect(names, peers, rounds, threads):
    """All measurements, round by round, so that a slow minute of the machine meets
    every peer."""
    from tqdm import tqdm
    results = {
        name: {peer: {} for peer in peers if takes_part(peer, name)} for name in names
    }
    tasks = [
        (name, peer) for _ in range(rounds) for name in names for peer in results[name]
    ]
    for name, peer in tqdm(tasks, unit="run"):
        entry = results[name][peer]
        if "missing" in entry: continue
        answer = ask(peer, name, threads)
        if "missing" not in answer: answer = checked(answer, results[name][OURS])
        if "missing" in answer: results[name][peer] = answer
        else:
            for key, value in answer.items(): entry.setdefault(key, []).append(value)
    return results


def checked(answer, ours):
    "A peer whose loss is another one computes something else, and is not compared."
    found, expected = answer.get("loss"), ours.get("loss", [answer.get("loss")])[0]
    if found is None or abs(found - expected) <= 1e-3 * expected: return answer
    return {"missing": f"failed: a loss of {found:.5g} in place of {expected:.5g}"}


def ratios(results, name, peer):
    "Of each round: our time over the peer's."
    ours, theirs = (results[name][one]["seconds"] for one in (OURS, peer))
    return [a / b for a, b in zip(ours, theirs)]


RATIO = """A ratio is our time over the peer's, the median over rounds of pairs, with
the least and the most of them; below 1 we are faster. Times are of an epoch, of a step
or a call, of an import, or from the start of a process to its last epoch."""


def remark(entry):
    """Of a training to an accuracy: how long, and how good; of steps on one batch, the
    loss after a few of them."""
    if "loss" in entry: return f"loss {entry['loss'][0]:.5g}"
    if "training" not in entry: return ""
    accuracies = " ".join(f"{accuracy:.2%}" for accuracy in entry["accuracy"])
    seconds = statistics.median(entry["training"])
    return f"training {seconds:.2f} s, test accuracy {accuracies}"


def shown(ratio): return f"{ratio:{'.2f' if ratio >= 0.1 else '.2g'}}"


def table_row(peer, entry, ratios):
    "A peer's line in the table of a case."
    if "missing" in entry: return f"| {peer} | {entry['missing']} | | | | | |"
    milliseconds = np.multiply(entry["seconds"], 1e3)
    spread = f"{shown(min(ratios))} to {shown(max(ratios))}" if ratios else ""
    return (
        f"| {peer} | {shown(statistics.median(ratios or [1]))} | {spread} "
        f"| {np.median(milliseconds):.4g} | {min(milliseconds):.4g} "
        f"| {statistics.median(entry['peak_mb']):.0f} | {remark(entry)} |"
    )


def markdown(report):
    "The report as tables."
    versions = (f"{name} {version}" for name, version in report["versions"].items())
    lines = [
        f"# Benchmarks, {report['date']}",
        "",
        f"{report['machine']}, {report['threads']} threads, {report['rounds']} rounds.",
        f"Versions: {', '.join(versions)}.",
        "",
        RATIO.replace("\n", " "),
    ]
    for name, entries in report["cases"].items():
        described = ["", LAYERED[name].text] if name in LAYERED else []
        lines += [
            "", f"## {name}", *described, "",
            "| library | ratio | over rounds | median ms | minimum ms | peak MB "
            "| remark |",
            "|---|---:|---:|---:|---:|---:|---|",
        ]
        for peer, entry in entries.items():
            compared = peer != OURS and "missing" not in entry
            found = ratios(report["cases"], name, peer) if compared else []
            lines.append(table_row(peer, entry, found))
    return "\n".join(lines) + "\n"


def picture(report):
    "Ratios on a logarithmic axis, one row a case."
    import matplotlib.pyplot as plt
    from nn_from_scratch.plots import STYLE
    plt.rcParams.update(STYLE)
    names = list(report["cases"])[::-1]
    figure, ax = plt.subplots(
        figsize=(7, 0.36 * len(names) + 1.6), layout="constrained"
    )
    for i, peer in enumerate(peer for peer in PEERS if peer != OURS):
        rows = [
            row
            for row, name in enumerate(names)
            if "seconds" in report["cases"][name].get(peer, {})
        ]
        if rows:
            ax.plot(
                [
                    statistics.median(ratios(report["cases"], names[row], peer))
                    for row in rows
                ],
                rows,
                "os^vDPX<>"[i], color=f"C{i % 7}", label=peer,
            )
    ax.axvline(1, color="0.5", lw=1)
    ax.set(
        xscale="log", yticks=range(len(names)), yticklabels=names,
        xlabel="our time over the peer's; left of 1 we are faster",
    )
    figure.legend(loc="outside lower center", ncols=4)
    return figure


def processor():
    "Its name, as the system tells it."
    listed = Path("/proc/cpuinfo")
    if not listed.exists(): return platform.processor()
    lines = listed.read_text().splitlines()
    names = [line.split(":")[1] for line in lines if line.startswith("model name")]
    return names[0].strip() if names else ""


LIBRARIES = """
numpy scikit-learn torch jax keras mygrad micrograd onnxruntime
""".split()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=5, help="measurements of each pair (5)"
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
    options = parser.parse_args()
    if options.child: return child(*options.child, options.threads, options.started)
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
    report = {
        "date": datetime.date.today().isoformat(),
        "machine": f"{processor()}, {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}",
        "threads": options.threads,
        "rounds": options.rounds,
        "versions": {name: importlib.metadata.version(name) for name in installed},
        "cases": collect(names, peers, options.rounds, options.threads),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    stem = options.out / report["date"]
    stem.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
    stem.with_suffix(".md").write_text(text := markdown(report))
    picture(report).savefig(stem.with_suffix(".svg"), metadata={"Date": None})
    print(text)


if __name__ == "__main__": main()
