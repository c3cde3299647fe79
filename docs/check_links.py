"""Ask for every address of links.txt; name those that do not answer, and fail if there
are any."""
import sys
from pathlib import Path
from urllib.request import Request, urlopen


def problem(address):
    agent = {"User-Agent": "Mozilla/5.0 (a check of links)"}
    try:
        urlopen(Request(address, headers=agent), timeout=30).close()
    except OSError as error:
        return f"{address}: {error}"


if __name__ == "__main__":
    addresses = (Path(__file__).parent / "links.txt").read_text().split()
    sys.exit("\n".join(filter(None, map(problem, addresses))))
