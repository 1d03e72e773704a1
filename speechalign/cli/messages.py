"""Messages of commands: on stderr, and in a log file.

Commands report through ``log``: notes and summaries as information, what was left out or failed as
warnings, and each utterance as a detail. Results go to stdout with ``print``.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

import speechalign
from speechalign.errors import SpeechAlignError, SpeechAlignWarning

if TYPE_CHECKING:
    from rich.console import Console

log = logging.getLogger("speechalign")


class _Stderr(logging.Handler):
    """A handler that prints to what is stderr at the time, or above a progress bar."""

    console: Console | None = None

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        try:
            if self.console is None:
                print(text, file=sys.stderr, flush=True)
            else:
                self.console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)
        except BrokenPipeError:
            # The reader has gone (`2>&1 | head`): the results are in files, and the run goes on.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


@contextmanager
def messages() -> Iterator[None]:
    """Print messages on stderr while a command runs, and `SpeechAlignWarning` as one of them."""
    handler = _Stderr(logging.INFO)
    before = log.level, log.propagate
    log.setLevel(logging.DEBUG)
    log.propagate = False
    log.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", SpeechAlignWarning)
            show = warnings.showwarning

            def show_warning(
                message: Warning | str, category: type[Warning], *others: object
            ) -> None:
                if issubclass(category, SpeechAlignWarning):
                    log.warning("note: %s", message)
                else:
                    show(message, category, *others)  # type: ignore[arg-type]

            warnings.showwarning = show_warning  # type: ignore[assignment]
            yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before[0])
        log.propagate = before[1]


def print_on(console: Console | None) -> None:
    """Print messages on the console of a progress bar, or again on stderr."""
    for handler in log.handlers:
        if isinstance(handler, _Stderr):
            handler.console = console


def is_quiet() -> bool:
    """Return whether ``--quiet`` was given: no progress bar is shown."""
    return all(h.level > logging.INFO for h in log.handlers if isinstance(h, _Stderr))


def set_level(*, quiet: bool, verbose: bool) -> None:
    """Choose the messages that are printed: warnings, or notes, or details too."""
    level = logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
    for handler in log.handlers:
        if isinstance(handler, _Stderr):
            handler.setLevel(level)


@contextmanager
def log_file(path: Path) -> Iterator[None]:
    """Add every message to a file, and the error that ends the command, with its traceback."""
    handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)

    def record(level: int, text: str, error: Exception | None = None) -> None:
        trace = None if error is None else (type(error), error, error.__traceback__)
        handler.handle(logging.LogRecord(log.name, level, "", 0, text, (), trace))

    record(logging.INFO, f"speechalign {speechalign.__version__}: {' '.join(sys.argv[1:])}")
    try:
        yield
    except (SpeechAlignError, click.ClickException) as error:
        record(logging.ERROR, f"error: {error}")
        raise
    except KeyboardInterrupt:
        record(logging.ERROR, "interrupted")
        raise
    except Exception as error:
        if not isinstance(error, click.exceptions.Exit):
            record(logging.ERROR, "internal error", error)
        raise
    finally:
        log.removeHandler(handler)
        handler.close()
