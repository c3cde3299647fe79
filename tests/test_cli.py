"""The command line, as a user calls it."""
import os
import subprocess
import sys

import pytest


def run(*arguments, cwd, command=(sys.executable, "-m", "nn_from_scratch")):
    "Without the user's own data: no variable, an empty cache."
    environment = {**os.environ, "XDG_CACHE_HOME": str(cwd)}
    environment.pop("NN_FROM_SCRATCH_DATA", None)
    return subprocess.run(
        [*command, *arguments], cwd=cwd, capture_output=True, text=True, env=environment
    )


def files(folder): return sorted(path.name for path in folder.iterdir())


def test_moons(tmp_path):
    result = run("moons", "--seed", "1", "--out", "results/here", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    accuracy = float(result.stdout.split("accuracy")[1].split()[0])
    assert accuracy >= 0.98 and "AUC" in result.stdout
    assert files(tmp_path / "results/here") == [
        "moons_boundary.png", "moons_confusion.png", "moons_curve.png", "moons_roc.png",
    ]


def test_digits_with_options(tmp_path):
    options = "--hidden", "32,16", "--epochs", "3", "--eta", "0.05"
    result = run("digits", *options, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "Dense(32, ReLU())" in result.stdout
    assert "Dense(16, ReLU())" in result.stdout
    assert "3 epochs" in result.stdout
    assert files(tmp_path / "figures") == ["digits_confusion.png", "digits_curve.png"]


def test_monks_are_three_and_need_no_files(tmp_path):
    result = run("monks", "--epochs", "5", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert all(f"monk_{i}: 5 epochs" in result.stdout for i in (1, 2, 3))
    assert result.stdout.count("accuracy") == 6


@pytest.mark.parametrize("name", ["monks", "mnist", "cup"])
def test_without_data(name, tmp_path):
    result = run(name, "--data", "nowhere", cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 2
    assert not result.stdout
    assert "nowhere" in result.stderr and "--data" in result.stderr


def test_cup_where_nobody_has_put_it(tmp_path):
    result = run("cup", cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 2
    assert "cup.internal.train" in result.stderr


DATA = os.environ.get("NN_FROM_SCRATCH_DATA")


@pytest.mark.skipif(
    not DATA, reason="NN_FROM_SCRATCH_DATA names no folder with the published files"
)
@pytest.mark.parametrize("name, score", [("mnist", "accuracy"), ("cup", "MEE")])
def test_with_data(name, score, tmp_path):
    result = run(name, "--epochs", "1", "--data", DATA, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert score in result.stdout
    assert "1 epochs" in result.stdout
    assert list((tmp_path / "figures").iterdir())


def test_same_seed_same_scores(tmp_path):
    def scores():
        printed = run("moons", "--seed", "3", "--epochs", "2", cwd=tmp_path).stdout
        return printed.split("accuracy")[1]

    assert scores() == scores()


def test_help(tmp_path):
    result = run("--help", cwd=tmp_path)
    assert result.returncode == 0
    words = "moons monks digits mnist cup --hidden --data examples".split()
    assert all(word in result.stdout for word in words)


@pytest.mark.parametrize(
    "arguments",
    [
        ["mons"], [], ["moons", "--hidden", "16,x"], ["moons", "--hidden", "0"],
        ["moons", "--eta", "nan"], ["moons", "--epochs", "0"], ["moons", "--fast"],
        ["moons", "--seed", "-1"], ["digits", "--data", "."],
    ],
)
def test_wrong_input(arguments, tmp_path):
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert not result.stdout
    assert not list(tmp_path.iterdir())


def test_divergence_is_one_line(tmp_path):
    result = run("moons", "--eta", "1e30", cwd=tmp_path)
    assert result.returncode == 1
    assert "diverged" in result.stderr
    assert result.stderr.count("\n") == 1


def test_unwritable_folder(tmp_path):
    (tmp_path / "file").write_text("in the way")
    result = run("moons", "--epochs", "1", "--out", "file", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "file" in result.stderr


def test_console_script(tmp_path):
    from pathlib import Path
    script = Path(sys.executable).with_name("nn-from-scratch")
    assert run("--help", cwd=tmp_path, command=[str(script)]).returncode == 0
