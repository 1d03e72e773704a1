"""IPA of the phones that recipes label frames with."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from speechalign.errors import InputError
from speechalign.text.phone_sets import ARPABET

SILENCES, NOISES = ("sil", "SIL"), ("spn", "+SPN+", "+NSN+")
"""Phones that are pauses, and phones that may be any sound."""


def ipa_of_phones(table: Path | None, language: str) -> Mapping[str, str]:
    """Return the IPA of phones: of ARPABET, and those that a table has for a language.

    Parameters
    ----------
    table : Path or None
        CSV: language, phone, ipa.
    language : str
        Its rows are taken.

    Raises
    ------
    InputError
        A table without a language.
    """
    if table is None:
        return ARPABET
    if not language:
        raise InputError(f"--language: expected the language of the phones in {table}; add it")
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["language"] == language]
    return {**ARPABET, **{row["phone"]: row["ipa"] for row in rows}}
