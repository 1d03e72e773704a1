"""Steps of the work on one recording, told while it lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, float], None]
"""Takes what is done now, and the share of the work that is done, from 0 to 1."""

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def told_to(listener: Listener) -> Iterator[None]:
    """Tell a listener the steps of what is aligned here, in this thread.

    Parameters
    ----------
    listener : callable
        Called with each step; what it raises ends the work.
    """
    before = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(before)


def begin_step(activity: str, done: float) -> None:
    """Tell the listener, if there is one, what is done now, and the share that is done."""
    listener = _listener.get()
    if listener is not None:
        listener(activity, done)
