"""The command line, as a user calls it."""
import subprocess
import sys

import pytest


def run(*arguments, cwd, command=(sys.executable, "-m", "nn_from_scratch")):
    return subprocess.run([*command, *arguments], cwd=cwd, capture_output=True, text=True)


def test_moons(tmp_path):
    result = run("moons", "--seed", "1", "--out", "results/here", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    accuracy = float(result.stdout.split("accuracy")[1].split()[0])
    assert accuracy >= 0.98 and "AUC" in result.stdout
    figures = sorted(path.name for path in (tmp_path / "results/here").iterdir())
    assert figures == ["moons_boundary.png", "moons_confusion.png", "moons_curve.png", "moons_roc.png"]


def test_digits_with_options(tmp_path):
    result = run("digits", "--hidden", "32,16", "--epochs", "3", "--eta", "0.05", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "Layer(32, ReLU())" in result.stdout and "Layer(16, ReLU())" in result.stdout and "3 epochs" in result.stdout
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["digits_confusion.png", "digits_curve.png"]


def test_same_seed_same_scores(tmp_path):
    scores = [run("moons", "--seed", "3", "--epochs", "2", cwd=tmp_path).stdout.split("accuracy")[1] for _ in range(2)]
    assert scores[0] == scores[1]


def test_help(tmp_path):
    result = run("--help", cwd=tmp_path)
    assert result.returncode == 0 and all(word in result.stdout for word in ("moons", "digits", "--hidden", "examples"))


@pytest.mark.parametrize("arguments", [["mons"], [], ["moons", "--hidden", "16,x"], ["moons", "--hidden", "0"], ["moons", "--eta", "nan"],
                                       ["moons", "--epochs", "0"], ["moons", "--fast"], ["moons", "--seed", "-1"]])
def test_wrong_input(arguments, tmp_path):
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == 2 and result.stderr.count("\n") == 1 and not result.stdout
    assert not list(tmp_path.iterdir())


def test_divergence_is_one_line(tmp_path):
    result = run("moons", "--eta", "1e30", cwd=tmp_path)
    assert result.returncode == 1 and "diverged" in result.stderr and result.stderr.count("\n") == 1


def test_unwritable_folder(tmp_path):
    (tmp_path / "file").write_text("in the way")
    result = run("moons", "--epochs", "1", "--out", "file", cwd=tmp_path)
    assert result.returncode == 1 and result.stderr.count("\n") == 1 and "file" in result.stderr


def test_console_script(tmp_path):
    from pathlib import Path
    script = Path(sys.executable).with_name("nn-from-scratch")
    assert run("--help", cwd=tmp_path, command=[str(script)]).returncode == 0
