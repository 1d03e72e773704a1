"""JSON as it comes: parsed, and told apart by type, with errors that name the place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeGuard

from speechalign.errors import FormatError


def loads(text: str, *, path: Path, place: str) -> dict[str, object]:
    """Parse a JSON object, every number a float; FormatError names the place of what is none."""
    try:
        content = json.loads(text, parse_int=float)
    except json.JSONDecodeError as error:
        raise FormatError(
            f"{path}, {place}: not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    if not isinstance(content, dict):
        raise FormatError(f"{path}, {place}: expected a JSON object, got {text[:40]!r}")
    return content


def is_number(value: object) -> TypeGuard[float]:
    """Tell a number of `loads` from everything else, booleans included."""
    return isinstance(value, float)
