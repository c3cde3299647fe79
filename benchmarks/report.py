"""What a run of `run.py` found, as tables and as a picture."""
import statistics

import numpy as np
from cases import ALONE, LAYERED, ONE_THREAD, ROOFS, SLOPES, TRAINING, operations
from peers import COMPILED, OURS, PEERS

MODES = OURS, COMPILED


def ratios(results, name, peer, mode=OURS):
    "Of each round: our time, of one of our modes, over the peer's."
    ours, theirs = (results[name].get(one, {}) for one in (mode, peer))
    pairs = zip(ours.get("seconds", ()), theirs.get("seconds", ()))
    return [a / b for a, b in pairs] if peer != mode else []


TEXT = """A ratio is our time over the peer's, without and with compiled loops, the
median over rounds of pairs, with the least and the most of them; below 1 we are faster.
Times are of an epoch, of a step or a call, of an import, or from the start of a
process, with its imports, to the epoch whose accuracy is there first. Before a time is
taken, all is compiled, except on the way to an accuracy, where Numba's loops come from
the disk. Memory is the most that a process had which measured nothing else, with its
libraries and the data. Operations are those of the products, and their peak the largest
of many products of any library here, at as many threads."""


def peak(results, name):
    "Operations a second, the most that was seen at as many threads as a case has."
    entries = results.get(ROOFS[name.endswith(ONE_THREAD)], {}).values()
    least = min((min(entry["seconds"]) for entry in entries if "seconds" in entry),
                default=None)
    return least and 1e9 / least


def remark(results, name, entry):
    "What else is known of a case."
    if "loss" in entry:
        return f"loss {entry['loss'][0]:.5g}"
    if name in TRAINING:
        return speed(results, name, entry)
    if name in ROOFS:
        return f"{1 / min(entry['seconds']):.3g} Gop/s"
    if name in SLOPES:
        return growth(name, entry)
    if "training" not in entry:
        return ""
    accuracies = " ".join(f"{accuracy:.2%}" for accuracy in entry["accuracy"])
    seconds = statistics.median(entry["training"])
    epochs = ", ".join(sorted({str(n) for n in entry["epochs"]}))
    return (f"training {seconds:.2f} s, there after epoch {epochs}, "
            f"at the end {accuracies}")


def speed(results, name, entry):
    "Operations a second, as a part of the peak if that was measured."
    rate = operations(TRAINING[name]) / statistics.median(entry["seconds"])
    said, most = f"{rate / 1e9:.3g} Gop/s", peak(results, name)
    return f"{said}, {shown(100 * rate / most)} % of the peak" if most else said


def growth(name, entry):
    "The slope, and the points."
    points = np.median(entry["points"], axis=0)
    shown = ", ".join(f"{n}: {1e3 * t:.3g}" for n, t in zip(SLOPES[name], points))
    low, high = min(entry["exponent"]), max(entry["exponent"])
    return (f"slope {statistics.median(entry['exponent']):.2f} ({low:.2f} to "
            f"{high:.2f}); ms at {shown}")


def shown(ratio):
    return f"{ratio:{'.2f' if ratio >= 0.1 else '.2g'}}"


def spread(ratios):
    "Median, least and most."
    if not ratios:
        return ""
    return (
        f"{shown(statistics.median(ratios))} "
        f"({shown(min(ratios))} to {shown(max(ratios))})"
    )


def memory(entry):
    return f"{statistics.median(entry['peak_mb']):.0f}" if "peak_mb" in entry else ""


def table_row(results, name, peer):
    "A peer's line in the table of a case."
    entry = results[name][peer]
    if "missing" in entry:
        return f"| {peer} | {entry['missing']} | | | | | |"
    milliseconds = np.multiply(entry["seconds"], 1e3)
    plain, loops = (spread(ratios(results, name, peer, mode)) for mode in MODES)
    return (
        f"| {peer} | {plain} | {loops} "
        f"| {np.median(milliseconds):.4g} | {min(milliseconds):.4g} "
        f"| {memory(entry)} "
        f"| {remark(results, name, entry)} |"
    )


def markdown(report):
    "The report as tables."
    versions = (f"{name} {version}" for name, version in report["versions"].items())
    lines = [
        f"# Benchmarks, {report['date']}",
        "",
        f"{report['machine']}, {report['threads']} threads where a case does not say "
        f"1, {report['rounds']} rounds in {report['minutes']:.0f} minutes.",
        f"Versions: {', '.join(versions)}.",
        "",
        TEXT.replace("\n", " "),
    ]
    results = report["cases"]
    for name, entries in results.items():
        described = ["", LAYERED[name].text] if name in LAYERED else []
        lines += [
            "", f"## {name}", *described, "",
            "| library | ratio | compiled | median ms | minimum ms | peak MB "
            "| remark |",
            "|---|---:|---:|---:|---:|---:|---|",
            *(table_row(results, name, peer) for peer in entries),
        ]
    return "\n".join(lines) + "\n"


def picture(report):
    """Ratios on a logarithmic axis, one row a case on the threads of the run; hollow
    with compiled loops."""
    import matplotlib.pyplot as plt
    from nn_from_scratch.plots import STYLE
    plt.rcParams.update(STYLE)
    results = report["cases"]
    names = [
        name for name in results
        if not name.endswith(ONE_THREAD) and name not in (*ROOFS, *ALONE)
    ][::-1]
    figure, ax = plt.subplots(
        figsize=(7, 0.36 * len(names) + 1.6), layout="constrained"
    )
    for i, peer in enumerate(peer for peer in PEERS if peer not in MODES):
        for mode, fill in zip(MODES, (f"C{i % 7}", "none")):
            found = [ratios(results, name, peer, mode) for name in names]
            points = [(statistics.median(r), row) for row, r in enumerate(found) if r]
            if points:
                ax.plot(
                    *zip(*points), "os^vDPX<>"[i], color=f"C{i % 7}",
                    markerfacecolor=fill, label=peer if mode == OURS else None,
                )
    ax.axvline(1, color="0.5", lw=1)
    ax.set(
        xscale="log", yticks=range(len(names)), yticklabels=names,
        xlabel="our time over the peer's; hollow: compiled loops",
    )
    figure.legend(loc="outside lower center", ncols=4)
    return figure
