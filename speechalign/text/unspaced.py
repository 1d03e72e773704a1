"""Scripts without spaces: places where a long run of letters may be parted."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

# Chinese and Japanese; small kana and marks go with the character before them.
_HAN_KANA = "\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_SMALL = "\u3041\u3043\u3045\u3047\u3049\u3063\u3083\u3085\u3087\u308e\u3005\u3099-\u309e\u30a1"
_SMALL += "\u30a3\u30a5\u30a7\u30a9\u30c3\u30e3\u30e5\u30e7\u30ee\u30f5\u30f6\u30fc-\u30fe"
_MARKS = "\u3001-\u3003\u300c-\u300f\uff01\uff0c\uff0e\uff1a\uff1b\uff1f\u2026"
_RUN = re.compile(rf"[{_HAN_KANA}{_SMALL}][{_HAN_KANA}{_SMALL}{_MARKS}]{{6,}}")
_CHARACTER = re.compile(rf"(?<=.)(?=[{_HAN_KANA}])(?![{_SMALL}])", re.DOTALL)
_KATAKANA = re.compile("[\u30a1-\u30fe]+")
# Thai, Lao, Myanmar, Khmer.
_SYLLABIC = re.compile("[\u0e01-\u0e4e\u0e81-\u0edf\u1000-\u103f\u1050-\u109f\u1780-\u17d3]{21,}")
_LEADING = "\u0e40-\u0e44\u0ec0-\u0ec4"
_FOLLOWING = "\u0e30\u0e32\u0e33\u0e45\u0e46\u0eb0\u0eb2\u0eb3\u0ec6"
_STACKING = "\u1039\u17d2"  # the consonant after it stands below
UNSPACED = rf"{_HAN_KANA}\u0e01-\u0edf\u1000-\u109f\u1780-\u17d3"
"""Letters of the scripts without spaces, as a part of a class of a regular expression."""

_ZERO_WIDTH_SPACE = "\u200b"


def with_spaces(text: str) -> str:
    r"""Put zero-width spaces between the characters of long runs without spaces.

    Parameters
    ----------
    text : str
        A transcript. Runs of up to six characters of Chinese or Japanese, and up to 20 of Thai,
        Lao, Khmer or Burmese, are words that somebody has parted; so are runs of katakana.

    Returns
    -------
    str
        The text. Vowels that are written before their consonant, and marks, stay with it.

    Examples
    --------
    >>> with_spaces("東京 今日はいい天気").split("\u200b")
    ['東京 今', '日', 'は', 'い', 'い', '天', '気']
    """
    text = _RUN.sub(_characters, text)
    return _SYLLABIC.sub(_clusters, text)


def _characters(run: re.Match[str]) -> str:
    if _KATAKANA.fullmatch(run[0]):
        return run[0]
    return _CHARACTER.sub(_ZERO_WIDTH_SPACE, run[0])


def _clusters(run: re.Match[str]) -> str:
    parted = run[0][:1]
    for before, character in pairwise(run[0]):
        stays = (
            unicodedata.category(character)[0] == "M"
            or character in _FOLLOWING
            or before in _STACKING
            or re.match(f"[{_LEADING}]", before)
        )
        parted += character if stays else _ZERO_WIDTH_SPACE + character
    return parted
