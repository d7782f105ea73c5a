"""`python -m fleet.cli` and `astermm-fleet`: where the program begins.

Loading it takes a second, in which whoever starts it may think better of it: that is no traceback either.
"""

from __future__ import annotations

import os
import signal
from types import FrameType


def begin() -> None:
    # Not by KeyboardInterrupt: raised within an extension module's import it may be printed and forgotten.
    before = signal.signal(signal.SIGINT, _leave)
    from fleet.cli.main import main

    signal.signal(signal.SIGINT, before)
    main(prog_name="astermm-fleet")


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(2, b"interrupted\n")
    os._exit(130)


if __name__ == "__main__":
    begin()
