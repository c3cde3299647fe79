"""Small wrong changes to every gradient and step: the chapters' own checks catch each
of them. One in three is tried here, all of them in the chapter on mutants."""
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from nn_from_scratch.mutants import CHAPTERS, EQUIVALENT, mutants

CODE = """
import json, sys
from nn_from_scratch.mutants import EQUIVALENT, judge
print(json.dumps(judge(sys.argv[1], processes=1, every=3, known=EQUIVALENT)))
"""


@pytest.fixture(scope="module")
def verdicts(repository):
    "Of all chapters, two at a time."
    settings = {"MPLBACKEND": "agg", "OPENBLAS_NUM_THREADS": "1"}
    def judged(chapter):
        return subprocess.run(
            [sys.executable, "-c", CODE, f"{chapter}.ipynb"], text=True,
            capture_output=True, cwd=repository / "nbs", env=os.environ | settings,
        )
    with ThreadPoolExecutor(2) as pool:
        yield {chapter: pool.submit(judged, chapter) for chapter in CHAPTERS}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a chapter is run in forks")
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_mutants_are_killed(chapter, verdicts):
    run = verdicts[chapter].result()
    assert run.returncode == 0, run.stderr[-3000:]
    rows = json.loads(run.stdout)
    survivors = {
        (function, after.strip())
        for function, _, _, after, raised in rows
        if raised == "nothing"
    }
    assert rows and not survivors


def test_slips():
    source = """
def backward(dA, Z, A):
    self.dW += dA.T @ Z / n_rows(Z)
    return dA[::-1]
"""
    found = {(slip, after.strip()) for _, slip, _, after, _ in mutants(source)}
    assert {
        ("transpose", "self.dW += dA @ Z / n_rows(Z)"),
        ("mean", "self.dW += dA.T @ Z"),
        ("sign", "self.dW -= dA.T @ Z / n_rows(Z)"),
        ("omission", "pass"),
        ("output for input", "self.dW += dA.T @ A / n_rows(Z)"),
        ("order", "return dA"),
        ("sign", "return -dA[::-1]"),
        ("factor 2", "return 2 * dA[::-1]"),
    } <= found


def test_what_is_no_slip():
    source = """
def backward(dA):
    "Doubles `A`: 1 - 2."
    return None if dA.ndim == 2 else None
"""
    # of the whole result
    assert {slip for _, slip, *_ in mutants(source)} == {"sign", "factor 2"}
    assert not list(mutants("def forward(Z):\n    return -Z"))


def test_equivalent_mutants_are_of_listed_chapters():
    assert len({function for function, _ in EQUIVALENT}) > 1
    assert all(EQUIVALENT.values())
