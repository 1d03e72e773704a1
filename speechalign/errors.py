"""Errors that a user can cause, each with a message that has the remedy."""

from __future__ import annotations


class SpeechAlignError(Exception):
    """Base of every error that speechalign raises on purpose."""


class SpeechAlignWarning(UserWarning):
    """A file that was read with a repair, or left out of many, which the message names."""


class InputError(SpeechAlignError, ValueError):
    """An argument, a recording or a transcript that cannot be used."""


class AlignmentError(SpeechAlignError):
    """No path through the graph explains the frames."""


class FormatError(SpeechAlignError, ValueError):
    """A file that breaks its format, or an alignment its format cannot hold."""


class BackendError(SpeechAlignError):
    """A backend or an optional package that was asked for and is not there."""


def wrong_type(name: str, wanted: str, found: object, remedy: str = "") -> InputError:
    """Return the error for an argument of a wrong type; it shows a value that is short.

    Examples
    --------
    >>> print(wrong_type("start", "a number", "0", "convert it with float()"))
    start: expected a number, got str '0'; convert it with float()
    """
    shown = "" if found is None else f" {found!r}"
    shown = shown if len(shown) <= 60 and "\n" not in shown else ""
    return InputError(
        f"{name}: expected {wanted}, got {type(found).__name__}{shown}{remedy and f'; {remedy}'}"
    )
