"""Every notebook runs from top to bottom, as nbdev runs it."""
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import IN_REPOSITORY, ROOT

NOTEBOOKS = sorted((ROOT / "nbs").rglob("*.ipynb")) if IN_REPOSITORY else []
NOTEBOOKS = [path for path in NOTEBOOKS if ".ipynb_checkpoints" not in path.parts]
NOTEBOOKS.sort(key=lambda path: "experiments" not in path.parts)  # the longest first


@pytest.mark.parametrize(
    "path", NOTEBOOKS, ids=[str(path.relative_to(ROOT / "nbs")) for path in NOTEBOOKS]
)
def test_notebook(path):
    command = [str(Path(sys.executable).with_name("nbdev_test")), "--path", str(path)]
    run = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stderr[-4000:]
    assert "Success" in run.stdout
