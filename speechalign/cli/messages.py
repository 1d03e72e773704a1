"""What a command reports beside its results: on stderr, and in a log file.

Commands report through ``log``: notes and summaries as information, what was left out or failed as
warnings, and each utterance as a detail. Results go to stdout with ``print``.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TypeVar

import click

import speechalign
from speechalign.cli.options import option
from speechalign.errors import SpeechAlignError, SpeechAlignWarning

log = logging.getLogger("speechalign")

_Command = TypeVar("_Command", bound=Callable[..., object])


class _Stderr(logging.Handler):
    """A handler that prints to what is stderr at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        print(record.getMessage(), file=sys.stderr, flush=True)


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


def is_quiet() -> bool:
    """Return whether ``--quiet`` was given: no progress bar is shown."""
    return all(h.level > logging.INFO for h in log.handlers if isinstance(h, _Stderr))


def message_options(function: _Command) -> Callable[..., object]:
    """Add ``--quiet``, ``--verbose`` and ``--log``, which the command need not take."""

    @option("-q", "--quiet", is_flag=True, group="Run", help="Print warnings and errors only")
    @option("-v", "--verbose", is_flag=True, group="Run", help="Print details of each utterance")
    @option(
        "--log",
        "log_file",
        group="Run",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="File to add all messages to, details included, with times (default: none)",
    )
    @wraps(function)
    def command(*, quiet: bool, verbose: bool, log_file: Path | None, **others: object) -> object:
        if quiet and verbose:
            raise click.UsageError("--quiet and --verbose exclude each other")
        level = logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
        for handler in log.handlers:
            if isinstance(handler, _Stderr):
                handler.setLevel(level)
        if log_file is None:
            return function(**others)
        with _log_file(log_file):
            return function(**others)

    return command  # fmt: skip


@contextmanager
def _log_file(path: Path) -> Iterator[None]:
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
