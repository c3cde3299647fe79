"""The comparison that all files here share; what it finds goes to parity.json."""
import json
from pathlib import Path

import numpy as np
import pytest
import torch

torch.set_default_dtype(torch.float64)


@pytest.fixture(scope="session")
def losses_of():
    "A function that makes some steps of an optimiser of PyTorch."
    def descend(optimizer, loss, n=10):
        losses = []
        for _ in range(n):
            optimizer.zero_grad()
            value = loss()
            losses.append(value.item())
            value.backward()
            optimizer.step()
        return losses
    return descend


@pytest.fixture(scope="session")
def compare():
    """Assert that two arrays agree, relative to the larger of each entry and a
    thousandth of the largest, and keep the error."""
    results = {}
    def agree(kind, name, ours, theirs, tolerance=1e-10):
        ours, theirs = (
            np.asarray(x.detach() if isinstance(x, torch.Tensor) else x, np.float64)
            for x in (ours, theirs)
        )
        assert ours.shape == theirs.shape
        size = (
            np.maximum(np.abs(theirs), 1e-3 * np.abs(theirs).max(initial=0))
            + np.finfo(np.float64).tiny
        )
        error = float(np.max(np.abs(ours - theirs) / size, initial=0))
        assert error <= tolerance, f"{kind} {name}: relative error {error:.1e}"
        results.setdefault(kind, {})[name] = max(
            error, results.get(kind, {}).get(name, 0.0)
        )
    yield agree
    report = {
        "versions": {"numpy": np.__version__, "torch": torch.__version__.split("+")[0]},
        "errors": results,
    }
    (Path(__file__).parent / "parity.json").write_text(
        json.dumps(report, indent=1, sort_keys=True) + "\n"
    )
