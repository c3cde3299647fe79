"""The command line, as a user calls it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import nn_from_scratch
from nn_from_scratch import cli

REAL = os.environ.get("NN_FROM_SCRATCH_DATA")
real = pytest.mark.skipif(
    not REAL, reason="NN_FROM_SCRATCH_DATA names no folder with the published files"
)
MODULE = sys.executable, "-m", "nn_from_scratch"


def environment(cwd, **more):
    "Without the user's own data: no variable, an empty cache."
    return (
        {
            key: value
            for key, value in os.environ.items()
            if key != "NN_FROM_SCRATCH_DATA"
        }
        | {"XDG_CACHE_HOME": str(cwd)}
        | more
    )


def run(*arguments, cwd, command=MODULE, **more):
    return subprocess.run(
        [*command, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        errors="replace",
        env=environment(cwd, **more),
    )


def test_moons(tmp_path):
    result = run("moons", "--seed", "1", "--out", "results/here", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    accuracy = float(result.stdout.split("accuracy")[1].split()[0])
    assert accuracy >= 0.98 and "AUC" in result.stdout
    figures = sorted(path.name for path in (tmp_path / "results/here").iterdir())
    assert figures == [
        "moons_boundary.png",
        "moons_confusion.png",
        "moons_curve.png",
        "moons_roc.png",
    ]


def test_digits_with_options(tmp_path):
    result = run(
        "digits", "--hidden", "32,16", "--epochs", "3", "--eta", "0.05", cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    assert (
        "Dense(32, ReLU())" in result.stdout
        and "Dense(16, ReLU())" in result.stdout
        and "3 epochs" in result.stdout
    )
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == [
        "digits_confusion.png",
        "digits_curve.png",
    ]


def test_monks_are_three_and_need_no_files(tmp_path):
    result = run("monks", "--epochs", "5", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (
        all(f"monk_{i}: 5 epochs" in result.stdout for i in (1, 2, 3))
        and result.stdout.count("accuracy") == 6
    )


@pytest.mark.parametrize("name", ["monks", "mnist", "cup"])
def test_without_data(name, tmp_path):
    result = run(name, "--data", "nowhere", cwd=tmp_path)
    assert (
        result.returncode == 2 and result.stderr.count("\n") == 2 and not result.stdout
    )
    assert "nowhere" in result.stderr and "--data" in result.stderr


def test_cup_where_nobody_has_put_it(tmp_path):
    result = run("cup", cwd=tmp_path)
    assert (
        result.returncode == 2
        and result.stderr.count("\n") == 2
        and "cup.internal.train" in result.stderr
    )


def test_generated_cases_are_announced(tmp_path):
    result = run("monks", "--epochs", "1", cwd=tmp_path)
    said = "no files found, cases generated from the definition"
    assert [line for line in result.stdout.splitlines() if said in line] == [
        f"MONK-{i}: {said}" for i in (1, 2, 3)
    ]


@pytest.mark.parametrize("name", ["monks", "mnist", "cup"])
def test_a_variable_that_names_no_folder_is_an_error(name, tmp_path):
    result = run(name, cwd=tmp_path, NN_FROM_SCRATCH_DATA=str(tmp_path / "typo"))
    assert (
        result.returncode == 2 and result.stderr.count("\n") == 1 and not result.stdout
    )
    assert "NN_FROM_SCRATCH_DATA names" in result.stderr and "typo" in result.stderr


@real
def test_monks_name_the_folder_of_their_files(tmp_path):
    result = run("monks", "--epochs", "1", "--data", REAL, cwd=tmp_path)
    assert result.returncode == 0 and result.stdout.count(f"UCI's files in {REAL}") == 3


@real
def test_predictions_of_the_blind_test(tmp_path):
    line = [
        "cup",
        "--epochs",
        "1",
        "--hidden",
        "4",
        "--data",
        REAL,
        "--blind",
        "ours.csv",
    ]
    assert run(*line, cwd=tmp_path).returncode == 0
    written = (tmp_path / "ours.csv").read_text()
    assert written.count("\n") == 533 and written.splitlines()[-1].startswith("529,")
    again = run(*line, cwd=tmp_path)
    assert (
        again.returncode == 1
        and again.stderr.count("\n") == 1
        and "ours.csv is there already" in again.stderr
    )
    assert (tmp_path / "ours.csv").read_text() == written


@real
@pytest.mark.parametrize("name, score", [("mnist", "accuracy"), ("cup", "MEE")])
def test_with_data(name, score, tmp_path):
    result = run(name, "--epochs", "1", "--data", REAL, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (
        score in result.stdout
        and "1 epochs" in result.stdout
        and list((tmp_path / "figures").iterdir())
    )


def test_same_seed_same_scores(tmp_path):
    line = ["moons", "--seed", "3", "--epochs", "2"]
    runs = [run(*line, cwd=tmp_path).stdout.splitlines() for _ in range(2)]
    scores = [[text for text in said if "accuracy" in text] for said in runs]
    assert len(scores[0]) == 1 and scores[0] == scores[1]


def test_help(tmp_path):
    result = run("--help", cwd=tmp_path)
    assert result.returncode == 0 and all(
        word in result.stdout
        for word in (
            "moons",
            "monks",
            "digits",
            "mnist",
            "cup",
            "--hidden",
            "--data",
            "examples",
        )
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["mons"],
        [],
        ["moons", "--hidden", "16,x"],
        ["moons", "--hidden", "0"],
        ["moons", "--eta", "nan"],
        ["moons", "--epochs", "0"],
        ["moons", "--fast"],
        ["moons", "--seed", "-1"],
        ["digits", "--data", "."],
        ["moons", "--seed", "4294967296"],
        ["moons", "--seed", ""],
        ["moons", "--hidden", "3000000000000"],
        ["moons", "--hidden", "99999,99999"],
        ["moons", "--hidden", "100000"],
        ["moons", "--hidden", "-16,8"],
        ["moons", "--hidden", ""],
        ["moons", "--hidden", "16,,8"],
        ["moons", "--hidden", "9" * 5000],
        ["moons", "--out", ""],
        ["monks", "--data", ""],
        ["moons", "--eta", "1e-400"],
        ["moons", "--blind", "new"],
        ["cup", "--blind", ""],
    ],
)
def test_wrong_input(arguments, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    said = capsys.readouterr()
    assert end.value.code == 2 and said.err.count("\n") == 1 and not said.out
    assert not list(tmp_path.iterdir())


def test_version(tmp_path):
    result = run("--version", cwd=tmp_path)
    assert (
        result.returncode == 0
        and result.stdout == f"nn-from-scratch {nn_from_scratch.__version__}\n"
    )


def test_existing_figures_are_named_when_they_are_overwritten(tmp_path):
    first, second = (
        run("moons", "--epochs", "1", "--out", "demo", cwd=tmp_path) for _ in range(2)
    )
    assert first.returncode == second.returncode == 0
    assert (
        "overwritten" not in first.stdout
        and second.stdout.count("which was there, overwritten") == 4
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_any_terminal(encoding, tmp_path):
    result = run("moons", "--epochs", "1", cwd=tmp_path, PYTHONIOENCODING=encoding)
    assert result.returncode == 0 and "Traceback" not in result.stderr
    assert ("2 ? 16" in result.stdout) == (encoding == "ascii")


class Signal(nn_from_scratch.Callback):
    "Sends a signal to its own process in one epoch of the training."

    def __init__(self, epoch, kind):
        self.left, self.kind = 75 * epoch - 40, kind  # 75 batches an epoch

    def on_batch_end(self, model):
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(self.kind)


@pytest.fixture
def signal_in(monkeypatch):
    # a job in the background of a shell is born with Ctrl-C ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def arrange(epoch, kind):
        train = nn_from_scratch.Network.train
        monkeypatch.setattr(
            nn_from_scratch.Network,
            "train",
            lambda *a, **k: train(*a, **k, callbacks=[Signal(epoch, kind)]),
        )

    yield arrange
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("epoch", [1, 3])
def test_ctrl_c_in_training_says_where_and_prints_no_scores(
    epoch, signal_in, tmp_path, capsys
):
    signal_in(epoch, signal.SIGINT)
    assert cli.main(["moons", "--out", str(tmp_path)]) == 130
    said = capsys.readouterr()
    assert (
        "nn-from-scratch: moons stopped by Ctrl-C "
        f"in epoch {epoch} of training, no scores\n"
        in said.err
        and not said.out
    )
    assert not list(tmp_path.iterdir())


def test_ctrl_c_outside_of_training(monkeypatch, tmp_path, capsys):
    def figures(outcome):
        raise KeyboardInterrupt

    monkeypatch.setattr("nn_from_scratch.experiments.moons.figures", figures)
    assert cli.main(["moons", "--epochs", "1", "--out", str(tmp_path)]) == 130
    assert (
        "nn-from-scratch: stopped by Ctrl-C outside of training\n"
        in capsys.readouterr().err
    )


def test_sigterm_unwinds_with_status_143(signal_in, tmp_path):
    signal_in(2, signal.SIGTERM)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as end:
        cli.main(["moons", "--out", str(tmp_path)])
    assert end.value.code == 143 and signal.getsignal(signal.SIGTERM) == before


@pytest.mark.skipif(sys.platform == "win32", reason="no signals of this kind")
@pytest.mark.parametrize("kind, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_process_that_gets_a_signal(kind, status, tmp_path):
    process = subprocess.Popen(
        [*MODULE, "moons", "--epochs", "1000000"],
        cwd=tmp_path,
        text=True,
        env=environment(tmp_path),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    seen = ""
    while "epoch/s" not in seen and process.poll() is None:
        seen += process.stderr.read(1)  # the bar of the training
    process.send_signal(kind)
    out, err = process.communicate(timeout=60)
    assert process.returncode == status and not out and "Traceback" not in err
    assert ("stopped by Ctrl-C in epoch" in err) == (kind == signal.SIGINT)


def test_divergence_is_one_line(tmp_path):
    result = run("moons", "--eta", "1e30", cwd=tmp_path)
    assert (
        result.returncode == 1
        and "diverged" in result.stderr
        and result.stderr.count("\n") == 1
    )


def test_unwritable_folder(tmp_path):
    (tmp_path / "file").write_text("in the way")
    result = run("moons", "--epochs", "1", "--out", "file", cwd=tmp_path)
    assert (
        result.returncode == 1
        and result.stderr.count("\n") == 1
        and "file" in result.stderr
    )


def test_console_script(tmp_path):
    script = Path(sys.executable).with_name("nn-from-scratch")
    assert run("--help", cwd=tmp_path, command=[str(script)]).returncode == 0
