"""Detection of reads that stall, as on a network file system that has stopped answering."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread, get_ident, get_native_id
from typing import TypeVar

from speechalign.errors import InputError

VARIABLE = "SPEECHALIGN_STALL_SECONDS"
"""Environment variable: seconds without progress after which a file is given up."""
_SECONDS = 300.0
_TICKS = 10
_BUSY = 0.01
"""Share of a core above which a reading thread counts as working."""

_Result = TypeVar("_Result")


class StalledError(InputError):
    """A file sends no more bytes, and was given up."""


def in_time(read: Callable[[], _Result], name: str | Path) -> _Result:
    """Return what a function reads from a file, unless the reading stalls.

    The function runs in a thread of its own. Where no byte has come for as long as the limit, and
    next to no processor time was used, it is given up: slow reading is no stall.

    Parameters
    ----------
    read : callable
        What it opens and does not return is left open where it stalls.
    name : str or Path
        What messages call the file.

    Raises
    ------
    StalledError
        The reading stalled; or whatever ``read`` raises.

    Notes
    -----
    Only Linux tells what a thread has read; other systems have no limit.
    """
    results: list[_Result] = []
    errors: list[BaseException] = []
    threads: list[_Thread] = []
    ended = Event()

    def run() -> None:
        try:
            if sys.platform == "linux":
                threads.append(_Thread(time.pthread_getcpuclockid(get_ident()), get_native_id()))
            results.append(read())
        except BaseException as error:
            errors.append(error)
        finally:
            ended.set()

    limit = _limit()
    tick = limit / _TICKS
    Thread(target=run, daemon=True).start()
    idle, before = 0, (0, 0.0)
    # Ticks are counted, not time: a process that is stopped, and goes on later, has not stalled.
    while not ended.wait(tick):
        now = threads[0].progress() if threads else None
        if now is None:
            continue
        waits = now[0] == before[0] and now[1] - before[1] < _BUSY * tick
        idle, before = (idle + 1 if waits else 0), now
        if idle == _TICKS:
            raise StalledError(
                f"{name}: cannot be read: nothing came for {limit:g} s; see whether the file "
                f"system answers, and run again; {VARIABLE} sets how long to wait"
            )
    if errors:
        raise errors[0]
    return results[0]


def _limit() -> float:
    given = os.environ.get(VARIABLE)
    try:
        limit = _SECONDS if given is None else float(given)
    except ValueError:
        limit = 0.0
    if not 0 < limit < float("inf"):
        raise InputError(f"{VARIABLE}: expected seconds above 0, got {given!r}")
    return limit


@dataclass(frozen=True)
class _Thread:
    """A thread: the id of its clock of processor time, and its number in ``/proc``."""

    clock: int
    native_id: int

    def progress(self) -> tuple[int, float] | None:
        """Return bytes that were read, and seconds of processor time; None if they are unknown."""
        try:
            io = Path(f"/proc/self/task/{self.native_id}/io").read_text(encoding="ascii")
            return int(io.split()[1]), time.clock_gettime(self.clock)
        except OSError:  # No accounting here, or the thread has ended just now.
            return None
