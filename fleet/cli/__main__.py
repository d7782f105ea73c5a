"""`python -m fleet.cli` and `astermm-fleet`: where the program begins.

Loading it takes a second, in which whoever starts it may think better of it: that is no traceback either.
"""

from __future__ import annotations

import sys


def begin() -> None:
    try:
        from fleet.cli.main import main
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201 whoever says it better is not loaded
        sys.exit(130)
    main(prog_name="astermm-fleet")


if __name__ == "__main__":
    begin()
