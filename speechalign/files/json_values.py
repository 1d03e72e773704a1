"""JSON as it comes: parsed, and told apart by type, with errors that name the place."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeGuard

from speechalign.errors import FormatError


def loads(
    text: str, where: str, *, parse_int: Callable[[str], object] | None = None
) -> dict[str, Any]:
    """Parse a JSON object.

    Parameters
    ----------
    text : str
        The object.
    where : str
        File and line, for messages.
    parse_int : callable, optional
        What reads whole numbers: ``float`` where they are not told apart.

    Raises
    ------
    FormatError
        It is not JSON, not an object, or nested too deeply.
    """
    try:
        content = json.loads(text, parse_int=parse_int)
    except json.JSONDecodeError as error:
        raise FormatError(
            f"{where}: not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except (ValueError, RecursionError) as error:  # a number of 5000 digits, brackets in brackets
        raise FormatError(f"{where}: not JSON that can be read: {error}") from None
    if not isinstance(content, dict):
        raise FormatError(f"{where}: expected a JSON object, got {text[:40]!r}")
    return content


def is_number(value: object) -> TypeGuard[float]:
    """Tell a float from everything else."""
    return isinstance(value, float)
