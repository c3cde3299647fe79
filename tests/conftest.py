"""The tests run in the repository, and from a copy of this folder against an installed
wheel (see .ci/run)."""
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
IN_REPOSITORY = (ROOT / "settings.ini").exists()

# Matplotlib draws into files here, never to a screen.
os.environ["MPLBACKEND"] = "agg"


@pytest.fixture(scope="session")
def repository():
    """The root of the repository; tests of its files do not run against an installed
    wheel alone."""
    if not IN_REPOSITORY:
        pytest.skip("needs the repository, not only the installed package")
    return ROOT
