"""The command line, as a user calls it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest

import nn_from_scratch
from nn_from_scratch import cli
from nn_from_scratch.storage import load, save

REAL = os.environ.get("NN_FROM_SCRATCH_DATA")
real = pytest.mark.skipif(
    not REAL, reason="NN_FROM_SCRATCH_DATA names no folder with the published files"
)
MODULE = sys.executable, "-m", "nn_from_scratch"


def environment(cwd, **more):
    "Without the user's own data; with the fonts that matplotlib found before."
    return (
        {
            key: value
            for key, value in os.environ.items()
            if key != "NN_FROM_SCRATCH_DATA"
        }
        | {"XDG_CACHE_HOME": str(cwd), "MPLCONFIGDIR": matplotlib.get_cachedir()}
        | more
    )


def lines_but_bars(text):
    "Without progress bars, and the blanks that wipe them off."
    return [line for line in text.splitlines() if line.strip() and "%|" not in line]


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
        "--force",
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
    line = ["moons", "--seed", "3", "--epochs", "2", "--force"]
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
        ["moons", "--save", ""],
        ["predict"],
        ["predict", "net"],
        ["predict", "net", "--data", ""],
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


def test_the_folder_of_blind_is_tried_before_the_data_are_read(tmp_path):
    result = run("cup", "--blind", "nowhere/ours.csv", "--data", ".", cwd=tmp_path)
    said = "nn-from-scratch: expected a folder to write to, got nowhere\n"
    assert (result.returncode, result.stderr) == (1, said)


def test_nothing_is_overwritten_without_force(tmp_path):
    line = ["moons", "--epochs", "1", "--out", "demo", "--save", "net.safetensors"]
    assert run(*line, cwd=tmp_path).returncode == 0
    net, figure = tmp_path / "net.safetensors", tmp_path / "demo/moons_roc.png"
    for left in figure, net:
        for path in (tmp_path / "demo").iterdir():
            path.unlink()
        net.unlink(missing_ok=True)
        left.write_text("mine")
        refused = run(*line, cwd=tmp_path)
        assert refused.returncode == 1 and refused.stderr == (
            f"nn-from-scratch: {left.relative_to(tmp_path)} is there already; "
            "--force replaces it\n"
        )
        assert left.read_text() == "mine" and not refused.stdout
    assert run(*line, "--force", cwd=tmp_path).returncode == 0
    assert net.read_bytes() != b"mine" and figure.exists()


HOSTILE = {
    "C locale": ([], {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "dumb terminal": ([], {"TERM": "dumb"}),
    "no docstrings, no assertions": (["-OO"], {}),
    "warnings are errors": (["-W", "error"], {}),
    "no HOME": ([], dict.fromkeys(["HOME", "XDG_CONFIG_HOME"], "/dev/null/none")),
}


@pytest.mark.parametrize("surroundings", HOSTILE)
def test_hostile_surroundings(surroundings, tmp_path):
    options, variables = HOSTILE[surroundings]
    if "error" in options and np.lib.NumpyVersion(matplotlib.__version__) < "3.8.0":
        pytest.skip("Matplotlib 3.7 itself warns while it is imported")
    command = [MODULE[0], *options, *MODULE[1:]]
    line = ["moons", "--epochs", "1", "--save", "net.safetensors"]
    result = run(*line, cwd=tmp_path, command=command, **variables)
    said = lines_but_bars(result.stderr)
    assert result.returncode == 0 and not any(said), result.stderr
    assert "accuracy" in result.stdout and len([*tmp_path.glob("figures/*.png")]) == 4
    (tmp_path / "points.csv").write_text("0.5,-0.4\n")
    line = ["predict", "net.safetensors", "--data", "points.csv"]
    result = run(*line, cwd=tmp_path, command=command, **variables)
    assert result.returncode == 0 and not result.stderr
    assert result.stdout.startswith("class,probability\n1,0.")


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of a file's size")
@pytest.mark.parametrize("written", ["figure", "network", "predictions"])
def test_a_full_disk_is_one_line(written, stored, tmp_path):
    import resource

    line = {
        "figure": ["moons", "--epochs", "1"],
        "network": ["moons", "--epochs", "1", "--save", "net.safetensors"],
        "predictions": ["predict", stored, "--data", "x.csv", "--out", "y.csv"],
    }[written]
    (tmp_path / "x.csv").write_text("1,2\n" * 20_000)
    limit = {"figure": 20_000, "network": 2_000, "predictions": 100_000}[written]
    if written == "network":  # figures are larger, so they must not come first
        line = [*line, "--hidden", "400,400"]
        limit = 300_000
    result = subprocess.run(
        [*MODULE, *line], cwd=tmp_path, text=True, capture_output=True,
        env=environment(tmp_path),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    [said] = lines_but_bars(result.stderr)
    assert result.returncode == 1 and "File too large" in said
    assert said.startswith("nn-from-scratch: ")
    assert not [*tmp_path.rglob("*.tmp"), *tmp_path.glob("*.safetensors")]
    assert not (tmp_path / "y.csv").exists()


@pytest.mark.parametrize("option", ["--out", "--save"])
def test_read_only_folder_is_one_line_before_the_training(
    option, tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "folder"
    folder.mkdir()
    access = os.access  # root may write anywhere
    monkeypatch.setattr(
        cli.os, "access", lambda path, mode: path != folder and access(path, mode)
    )
    monkeypatch.chdir(tmp_path)
    target = folder if option == "--out" else folder / "net.safetensors"
    assert cli.main(["moons", option, str(target)]) == 1
    said = capsys.readouterr()
    assert said.err == f"nn-from-scratch: the folder {folder} is read-only\n"
    assert not said.out and not [*folder.iterdir()]


def test_each_network_of_the_monks_is_stored(tmp_path):
    line = ["monks", "--epochs", "1", "--save", "net.safetensors"]
    assert run(*line, cwd=tmp_path).returncode == 0
    assert {path.name for path in tmp_path.glob("*.safetensors")} == {
        f"net_monk_{i}.safetensors" for i in (1, 2, 3)
    }


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    "A network of two inputs and three classes."
    network = nn_from_scratch.Network(2, seed=0)
    network.add_layer(3, nn_from_scratch.ReLU())
    network.add_output_layer(3, nn_from_scratch.Softmax())
    path = tmp_path_factory.mktemp("stored") / "net.safetensors"
    save(network, path)
    return path


def predicted(network, text, tmp_path, capsys, *more):
    "Status, what was printed and the error line for a table."
    table = tmp_path / "table.csv"
    table.write_bytes(text if isinstance(text, bytes) else text.encode())
    status = cli.main(["predict", str(network), "--data", str(table), *more])
    said = capsys.readouterr()
    return status, said.out, said.err


@pytest.mark.parametrize("head", ["", "x1,x2\n", "\ufeffx1,x2\r\n", "\n\na b,\n"])
def test_predictions_are_those_of_the_network(head, stored, tmp_path, capsys):
    X = np.array([[0.5, -1.25], [1e3, 2.0]])
    status, out, err = predicted(
        stored, head + "0.5,-1.25\n\n1e3, 2\n", tmp_path, capsys
    )
    assert status == 0 and not err
    A = load(stored).output(X)
    rows = [line.split(",") for line in out.splitlines()]
    assert rows[0] == ["class", "probability"]
    assert [int(row[0]) for row in rows[1:]] == A.argmax(axis=1).tolist()
    assert [np.float32(row[1]) for row in rows[1:]] == A.max(axis=1).tolist()


@pytest.mark.parametrize(
    "activation, k, head",
    [
        (nn_from_scratch.Linear(), 2, "output_1,output_2"),
        (nn_from_scratch.Sigmoid(), 2, "output_1,output_2"),
        (nn_from_scratch.Sigmoid(), 1, "class,probability"),
    ],
)
def test_predictions_in_a_file(activation, k, head, tmp_path, capsys):
    network = nn_from_scratch.Network((1, 2), seed=0)
    network.add(nn_from_scratch.Flatten())
    network.add_output_layer(k, activation)
    save(network, tmp_path / "net")
    out = tmp_path / "out.csv"
    for more, status in ([], 0), ([], 1), (["--force"], 0):
        line = ["--out", str(out), *more]
        found = predicted(tmp_path / "net", "3,4\n", tmp_path, capsys, *line)
        assert found[0] == status and ("is there already" in found[2]) == status
    first, row = out.read_text().splitlines()
    [A] = network.output(np.array([[[3.0, 4.0]]]))
    expected = [A[0] > 0.5, max(A[0], 1 - A[0])] if "class" in head else A
    found = np.array([*map(float, row.split(","))], np.float32)
    assert first == head and np.array_equal(found, np.array(expected, np.float32))


@pytest.mark.parametrize(
    "text, said",
    [
        ("1,2\n3,x\n", "line 2, column 2: expected a finite number, got 'x'"),
        ("a,b\n1,\n", "line 2, column 2: expected a finite number, got ''"),
        ("a,2\n", "line 1, column 1: expected a finite number, got 'a'"),
        ("nan,2\n", "line 1, column 1: expected a finite number, got 'nan'"),
        ("nan,nan\n", "line 1, column 1: expected a finite number, got 'nan'"),
        ("1,2\n1,-inf\n", "line 2, column 2: expected a finite number, got '-inf'"),
        ("1,2\n\n1,2,3\n", "line 3: expected 2 numbers, as the network takes, got 3"),
        ("1;2\n3;4\n", "line 2: expected 2 numbers"),
        ("a,b\n", "expected at least one line of numbers, got none"),
        ("", "expected at least one line of numbers, got none"),
        ("1,1e300\n", "within the range of float32"),
        (b"\xff\xfe\x00", "expected text, numbers separated by commas"),
        ("1," + "2" * 200_000, "expected text, numbers separated by commas"),
    ],
)
def test_a_table_that_does_not_fit(text, said, stored, tmp_path, capsys):
    out = tmp_path / "out.csv"
    status, printed, err = predicted(
        stored, text, tmp_path, capsys, "--out", str(out)
    )
    assert status == 2 and err.count("\n") == 1 and not printed
    assert said in err and "table.csv" in err and not out.exists()


def test_files_that_are_not_there_or_no_network(stored, tmp_path, capsys):
    assert predicted(tmp_path / "no", "1,2\n", tmp_path, capsys)[0] == 1
    assert predicted(tmp_path / "table.csv", "1,2\n", tmp_path, capsys)[0] == 2
    assert cli.main(["predict", str(stored), "--data", str(tmp_path / "no")]) == 1


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
        f"after {epoch - 1} epochs, no scores\n"
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
    while "loss=" not in seen and process.poll() is None:
        seen += process.stderr.read(1)  # the bar of the training, after an epoch
    process.send_signal(kind)
    out, err = process.communicate(timeout=60)
    assert process.returncode == status and not out and "Traceback" not in err
    assert ("stopped by Ctrl-C after" in err) == (kind == signal.SIGINT)


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


@pytest.mark.parametrize("name", ["moons", "digits"])
def test_compiled_loops_reach_the_same_scores(name, tmp_path):
    pytest.importorskip("numba")
    line = [name, "--epochs", "2", "--force"]
    plain, compiled = (
        run(*line, *more, cwd=tmp_path) for more in ((), ("--compiled",))
    )
    assert plain.returncode == compiled.returncode == 0, compiled.stderr
    scores = [
        [line for line in result.stdout.splitlines() if line.startswith("  a")]
        for result in (plain, compiled)
    ]
    assert scores[0] == scores[1] and scores[0]


def test_without_numba_one_line_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    for name in ("acceleration", "compiled", "kernels"):
        monkeypatch.delitem(sys.modules, f"nn_from_scratch.{name}", raising=False)
    assert cli.main(["moons", "--compiled", "--out", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "nn-from-scratch-book[compiled]" in said
