"""The table of the guide: what is said for what."""

import re
from pathlib import Path

import pytest

from speechalign.text.english import words
from speechalign.text.word import NOISE, UNKNOWN

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "guide.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (`.+?) \| (.+?) \|$", GUIDE.partition("| written | aligned as |")[2], re.M)
assert ROWS


def rows(said):
    """Yield the examples in the rows whose second column begins with this."""
    for left, right in ROWS:
        if right.startswith(said):
            yield from re.findall("`(.+?)`", left)


@pytest.mark.parametrize("example", [*rows("any sound, as one"), *rows("any sound")])
def test_notes_and_what_is_unknown(example):
    if example in ("3-5", "1er", "12.03.2024"):  # Polish
        return
    (word,) = words(f"so {example}")[1:]
    assert word.spoken in ((NOISE,), (UNKNOWN,))


@pytest.mark.parametrize("example", list(rows("nothing")))
def test_what_is_not_said(example):
    assert [word.spoken for word in words(f"{example} So it is.")] == [("so",), ("it",), ("is",)]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pair
        for left, right in ROWS[:6]
        for pair in zip(re.findall("`(.+?)`", left), right.split("; "), strict=False)
    ],
)
def test_words(left, right):
    said = " ".join(" ".join(word.spoken) for word in words(f"so {left}")[1:])
    if "..." in right or right == "digit by digit":
        assert len(said.split()) > 2
    else:
        assert re.split("[.,]", right)[0] in said
