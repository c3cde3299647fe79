"""Small wrong changes to every gradient, one at a time: the chapters' own checks catch each of them."""
import json
import os
import subprocess
import sys

import pytest

from nn_from_scratch.mutants import CHAPTERS, EQUIVALENT, mutants


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a chapter is run in forks")
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_mutant_is_killed(chapter, repository):
    code = f"import json; from nn_from_scratch.mutants import judge; print(json.dumps(judge({str(repository / 'nbs' / chapter)!r} + '.ipynb')))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=repository / "nbs", env={**os.environ, "MPLBACKEND": "agg", "OPENBLAS_NUM_THREADS": "1"})
    assert run.returncode == 0, run.stderr[-3000:]
    rows = json.loads(run.stdout)
    survivors = {(function, after.strip()) for function, _, _, after, killed in rows if not killed}
    assert survivors <= EQUIVALENT.keys(), survivors - EQUIVALENT.keys()
    assert len(rows) > len(survivors)


def test_slips():
    found = [(slip, after) for _, slip, _, after, _ in mutants("def backward(dA, Z, A): return dA.T @ Z / len(Z)")]
    assert ("transpose", "return dA @ Z / len(Z)") in found and ("mean", "return dA.T @ Z") in found and ("sign", "return -(dA.T @ Z / len(Z))") in found
