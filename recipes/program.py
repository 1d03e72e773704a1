"""The end of every recipe program: an error is one line, not a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from speechalign.errors import SpeechAlignError


def run(main: Callable[[], None]) -> None:
    """Run a command; print a `SpeechAlignError` after the program's name and exit with status 1."""
    try:
        main()
    except SpeechAlignError as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")
