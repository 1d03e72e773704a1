"""Subwords of tokenizers, and the words that they make up."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Literal, get_args

from speechalign.errors import InputError
from speechalign.links import is_punctuation

Scheme = Literal["sentencepiece", "byte-level", "bpe", "wordpiece", "words"]
"""How tokens show where words begin: ``▁`` before a word, ``Ġ`` before a word and bytes written as
letters, ``@@`` after all but the last token of a word, ``##`` before all but the first, or not at
all, each token being a word."""

SCHEMES: tuple[Scheme, ...] = get_args(Scheme)

_SPECIAL = re.compile(r"</?s>|<pad>|<\|.*\|>|\[(?:CLS|SEP|PAD)\]|__[a-z_A-Z]+__")
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


def find_scheme(sentences: Iterable[Sequence[str]]) -> Scheme:
    """Tell by the marks of the tokens of a corpus how they show where words begin.

    Examples
    --------
    >>> find_scheme([["▁a", "b"]]), find_scheme([["a@@", "b"]]), find_scheme([["a", "b"]])
    ('sentencepiece', 'bpe', 'words')
    """
    tokens = {token for sentence in sentences for token in sentence}
    if any(token.startswith("▁") for token in tokens):
        return "sentencepiece"
    if any(token.startswith("Ġ") for token in tokens):
        return "byte-level"
    if any(token.endswith("@@") for token in tokens):
        return "bpe"
    return "wordpiece" if any(token.startswith("##") for token in tokens) else "words"


def is_special(token: str) -> bool:
    """Tell whether a token stands for no text: ends of sentences, padding, languages."""
    return _SPECIAL.fullmatch(token) is not None


def group_subwords(
    tokens: Sequence[str], scheme: Scheme, words: Sequence[str] | None = None
) -> list[tuple[str, list[int]]]:
    """Find the tokens of each word.

    Parameters
    ----------
    tokens : Sequence[str]
        Of one sentence. Those that stand for no text belong to no word.
    scheme : Scheme
        How they show where words begin.
    words : Sequence[str], optional
        The words, which must have the same text but for case and compatibility (NFKC). Without
        them, a token that is marked, the first one, and one that is punctuation begin a word.

    Returns
    -------
    list of tuple
        The text and the indices of the tokens of each word. With ``words``, a token may belong
        to several words.

    Raises
    ------
    InputError
        The text of the tokens is not that of the words.

    Examples
    --------
    >>> group_subwords(["▁Hel", "lo", "▁", "!", "</s>"], "sentencepiece")
    [('Hello', [0, 1]), ('!', [2, 3])]
    >>> group_subwords(["▁don", "'t", "."], "sentencepiece", ["do", "n't", "."])
    [('do', [0]), ("n't", [0, 1]), ('.', [2])]
    """
    textual = [(k, token) for k, token in enumerate(tokens) if not is_special(token)]
    pieces = [(k, *_piece(token, scheme)) for k, token in textual]
    if words is not None:
        return _by_text([(k, data) for k, data, _ in pieces], words)
    found: list[tuple[bytes, list[int]]] = []
    goes_on = False  # the word so far lacks its last token
    for k, data, begins in pieces:
        punctuation = bool(data) and is_punctuation(data.decode(errors="replace"))
        bare = bool(found) and found[-1][0] == b""
        if found and ((bare and not begins) or goes_on or not (begins or punctuation)):
            found[-1] = found[-1][0] + data, [*found[-1][1], k]
        else:
            found.append((data, [k]))
        goes_on = scheme == "bpe" and tokens[k].endswith("@@")
    return [(data.decode(errors="replace"), indices) for data, indices in found]


def _piece(token: str, scheme: Scheme) -> tuple[bytes, bool]:
    """Return the text of a token as UTF-8, and whether it is marked as the first of a word."""
    if scheme == "sentencepiece":
        byte = _BYTE.fullmatch(token)
        data = bytes([int(byte[1], 16)]) if byte else token.replace("▁", "").encode()
        return data, token.startswith("▁") or (token.startswith("<") and byte is None)
    if scheme == "byte-level":
        text = token.removeprefix("Ġ")
        known = _byte_of()
        unknown = sorted({letter for letter in text if letter not in known})
        if unknown:
            raise InputError(f"token {token!r}: {unknown[0]!r} is no byte; is it byte-level?")
        return bytes(known[letter] for letter in text).strip(), token.startswith("Ġ")
    if scheme == "bpe":
        return token.removesuffix("@@").encode(), True
    if scheme == "wordpiece":
        return token.removeprefix("##").encode(), not token.startswith("##")
    return token.encode(), True


@cache
def _byte_of() -> dict[str, int]:
    """Return the byte that each letter of byte-level BPE stands for: printable ones themselves."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    codes = [*printable, *range(256, 256 + len(others))]
    return {chr(code): byte for code, byte in zip(codes, printable + others)}


def _by_text(
    pieces: Sequence[tuple[int, bytes]], words: Sequence[str]
) -> list[tuple[str, list[int]]]:
    """Find the tokens that share a character with each word."""
    folded = [(k, _fold(data)) for k, data in pieces]
    texts = [_fold(word.encode()) for word in words]
    ours, theirs = b"".join(data for _, data in folded), b"".join(texts)
    if ours != theirs:
        same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(ours, theirs))
        place = sum(1 for _ in same)
        raise InputError(
            "expected tokens of the words of the sentence, which go on with "
            f"{_shown(theirs, place)}, got {_shown(ours, place)}; tokenize the same text"
        )
    ends: list[tuple[int, int, int]] = []  # token, first and last byte
    begin = 0
    for k, data in folded:
        ends.append((k, begin, begin + len(data)))
        begin += len(data)
    found = []
    begin = 0
    for word, text in zip(words, texts):
        end = begin + len(text)
        # A token without text, such as a lone mark, goes with what follows.
        indices = [
            k for k, first, last in ends if first < end and (last > begin or first == last == begin)
        ]
        found.append((word, indices))
        begin = end
    return found


def _fold(data: bytes) -> bytes:
    """Make equal what differs by case or compatibility; parts of a letter stay as they are."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data
    return "".join(unicodedata.normalize("NFKC", text).casefold().split()).encode()


def _shown(data: bytes, place: int) -> str:
    return repr(data[place : place + 20].decode(errors="replace"))
