"""Small wrong changes to gradients and steps: the checks of the chapters see each one
that runs. One in three is tried here, all of them in the chapter on mutants."""
import json
import os
import subprocess
import sys

import pytest

from nn_from_scratch.mutants import CHAPTERS, EQUIVALENT, mutants

CODE = """
import json, sys
from nn_from_scratch.mutants import EQUIVALENT, judge
print(json.dumps(judge(sys.argv[1], processes=1, every=3, known=EQUIVALENT)))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a chapter is run in forks")
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_mutants_that_run_are_killed_by_a_check(chapter, repository):
    run = subprocess.run(
        [sys.executable, "-c", CODE, f"{chapter}.ipynb"], text=True,
        capture_output=True, cwd=repository / "nbs",
        env=os.environ | {"MPLBACKEND": "agg", "OPENBLAS_NUM_THREADS": "1"})
    assert run.returncode == 0, run.stderr[-3000:]
    rows = json.loads(run.stdout)
    survivors = {(function, after.strip())
                 for function, _, _, after, raised in rows if raised == "nothing"}
    assert any(raised == "check" for *_, raised in rows) and not survivors


def found(source):
    return {(slip, after.strip()) for _, slip, _, after, _ in mutants(source)}


def test_slips():
    assert {
        ("transpose", "self.dW += dA @ Z / n_rows(Z)"),
        ("mean", "self.dW += dA.T @ Z"),
        ("sign", "self.dW -= dA.T @ Z / n_rows(Z)"),
        ("omission", "pass"),
        ("output for input", "self.dW += dA.T @ A / n_rows(Z)"),
        ("order", "return dA"),
        ("sign", "return -dA[::-1]"),
        ("factor 2", "return 2 * dA[::-1]"),
    } <= found("""
def backward(dA, Z, A):
    self.dW += dA.T @ Z / n_rows(Z)
    return dA[::-1]
""")
    assert ("transpose", "dX = g @ W") in found("""
def backward(g):
    dX = g @ np.swapaxes(W, -1, -2)
""")


@pytest.mark.parametrize("formula, slips", [
    ("dA if dA.ndim == 2 else None", set()),  # numbers of axes
    ("f(dA.ndim - 1)", set()),
    ("g.sum(axis=-1)", {("axis", "x = g.sum(axis=0)")}),  # not axis 1
    ("g.reshape(-1)", set()),
    ("u ** -1", {("sign", "x = u ** 1")}),
    ("len(A) / len(Z)", {("mean", "x = len(A)")})])  # no `Z` that `A` could replace
def test_what_is_no_slip(formula, slips):
    source = f"def backward(u, g, dA):\n    'Doubles `A`: 1 - 2.'\n    x = {formula}"
    assert found(source) == slips


def test_refusals_and_other_functions_are_left_alone():
    refusal = "    if not limit > 0:\n        raise ValueError(1 - limit)\n"
    assert not found(f"def clip_norm(limit):\n{refusal}")
    assert not found("def forward(Z):\n    return -Z")


def test_equivalent_mutants_have_a_reason():
    assert EQUIVALENT and all(EQUIVALENT.values())
