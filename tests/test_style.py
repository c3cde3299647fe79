"""Notebooks, package, tests, documentation and benchmarks are written in one style."""
import subprocess
import sys

PLACES = "nbs", "nn_from_scratch", "tests", "docs", "benchmarks", "setup.py"


def test_lines_fit_and_hold_one_statement(repository):
    "The rules, and the few places where one does not hold, are in pyproject.toml."
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", *PLACES]
    run = subprocess.run(command, cwd=repository, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
