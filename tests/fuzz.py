"""Bad input for longer than the suite tries it: `python tests/fuzz.py SECONDS` goes
through the table of `bad_input.py`, then lets Hypothesis look for more. It prints how
many distinct cases there were, and ends with 1 at the first that went wrong."""

import os
import sys
import tempfile
import time

import bad_input
from hypothesis import HealthCheck, given, seed, settings


def table():
    "All cases of the table: those of arrays in every place, then of arguments."
    for case, function, make, plain, network, expected in bad_input.cases():
        yield case, function, bad_input.spoil(make, plain), network, expected
    yield from bad_input.argument_cases()


def fuzz(seconds):
    end, number = time.monotonic() + seconds, 0
    for case in table():
        bad_input.examine(*case)
        if time.monotonic() > end:
            return
    while time.monotonic() < end:
        for check, strategy in bad_input.PROPERTIES.values():
            number += 1
            options = settings(
                max_examples=100, deadline=None, database=None,
                suppress_health_check=list(HealthCheck))
            seed(number)(options(given(strategy)(check)))()


def main(seconds=60):
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        os.environ.pop("NN_FROM_SCRATCH_DATA", None)
        os.chdir(folder)
        try:
            fuzz(seconds)
        except bad_input.Wrong as wrong:
            print(f"wrong after {len(bad_input.TRIED):,} distinct cases: {wrong}")
            return 1
        finally:
            os.chdir("/")
    print(f"{len(bad_input.TRIED):,} distinct cases of bad input, none of them wrong")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:])))
