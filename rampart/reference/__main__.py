"""`python -m rampart.reference`: writes the documents, or with `--check` only says which of them are stale.

Exit codes: 0 fine, 1 stale or not to be written, 2 wrong usage.
"""

import argparse
import sys
from pathlib import Path

from rampart.embedded.cloudformation.template import DeployError
from rampart.reference.documents import stale
from rampart.reference.page import DocumentError

CHECKOUT = Path(__file__).parents[2]


def main(arguments: list[str] | None = None, checkout: Path = CHECKOUT) -> int:
    """Write what is stale and say so, or with `--check` say it only; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m rampart.reference", description="Write the documents from the code."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a document is stale")
    check = parser.parse_args(arguments).check
    try:
        found = stale(checkout)
    except (DocumentError, DeployError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - this and the others are the command's own words
        return 1
    for name, text in found.items():
        if check:
            print(f"{name} is stale: run make docs", file=sys.stderr)  # noqa: T201
        else:
            (checkout / name).write_text(text, encoding="utf-8")
            print(f"wrote {name}")  # noqa: T201
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main())
