"""Errors that a user can cause, each with a message that says what to do."""

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
