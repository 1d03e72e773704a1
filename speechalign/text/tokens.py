"""Tokens of a transcript: what is said, what stands for a sound, and what is only written.

===================================== ==========================================================
written                               token
===================================== ==========================================================
``[phone rings twice]`` ``{breath}``  `NOISE`: square and curly brackets with a letter in them, of
                                      any length, also nested
``[laughs`` ``slams]``                `NOISE`: one word, where the other bracket is missing
``<noise>`` ``<unk>`` ``[UNK]``       `NOISE`
``(laughs)`` ``*sighs heavily*``      `NOISE`: what `is_direction` takes for a note
``(well, almost)`` ``(s)he``          said: well almost; she; so is *emphasis*
``((unintelligible))`` ``(())``       `NOISE`: LDC's speech that nobody understood
``((we went))``                       said: LDC's best guess
``&=laughs`` ``xxx`` ``yyy``          `NOISE`: CHAT's events and speech that nobody understood
``%hesitation`` ``++COUGH++``         `NOISE`; ``%um`` is said: um
``/unintelligible/`` ``/RD-NAME-1/``  `NOISE`: CORAAL's speech that nobody understood, or may read
``&-uh`` ``&+fr`` ``[laughter-yes]``  said: uh; fr; yes
``th[ey]-`` ``[s]he``                 said: th; she
``tea/T IY/`` ``a/AH/``               said so, by these phones
``(pause)`` ``[silence]`` ``(0.5)``   nothing: nobody makes a sound
``[: going to]`` ``[//]`` ``[x 3]``   nothing: CHAT's codes about the words before
``<i>`` ``</b>`` ``<s>`` ``<|en|>``   nothing: markup, and ``<x>`` that has its ``</x>``
``&quot;yes&quot;`` ``it&#39;s``      said: "yes"; it's
``SPEAKER 1:`` ``Anna:`` ``>>``       nothing: speaker labels, see `tokens`
===================================== ==========================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import unescape

from speechalign.text.speaker_labels import SPEAKER, speaker_label_places
from speechalign.text.stage_directions import is_direction, is_pause

NOISE = "<noise>"


@dataclass(frozen=True)
class WrittenToken:
    """A token as the user wrote it, and the part of it that a normaliser has to read.

    Parameters
    ----------
    label : str
        The user's own text; white space inside is single spaces.
    said : str
        What is to be read: mostly the label; `NOISE` for a sound; empty for nothing.
    phones : tuple[str, ...]
        The pronunciation that the user wrote behind it; empty for none.
    """

    label: str
    said: str
    phones: tuple[str, ...] = ()


def tokens(
    text: str, *, speaker_labels: str | None = None, grouped_by_spaces: bool = False
) -> tuple[WrittenToken, ...]:
    r"""Split a transcript at its white space and around its notes.

    Parameters
    ----------
    text : str
        What the user wrote. White space of every script separates, as do zero-width spaces; other
        invisible characters (joiners, soft hyphens, directional marks) do not. A no-break space
        between groups of digits stays inside the number.
    speaker_labels : str or None
        Regular expression for what names a speaker, its colon included, such as
        ``r"[A-Z]\d+:"``; it matches whole tokens, wherever they are; ``""`` for none. None finds:
        ``Speaker 1:``, ``INTERVIEWER:``, ``*CHI:`` anywhere; and where a line or a turn begins,
        up to four words with capitals and a colon, except for common words such as ``Note:``. A
        turn also begins behind the end of a sentence, if any line begins with a label.
    grouped_by_spaces : bool
        Whether any space between groups of digits stays inside the number: ``10 000``.

    Returns
    -------
    tuple[WrittenToken, ...]
        The labels, white space and pronunciations aside, are the text.

    Raises
    ------
    InputError
        ``speaker_labels`` is no regular expression.

    Examples
    --------
    >>> [(token.label, token.said) for token in tokens("Anna: Yes [door slams] (laughs), (s)he")]
    ... # doctest: +NORMALIZE_WHITESPACE
    [('Anna:', ''), ('Yes', 'Yes'), ('[door slams]', '<noise>'), ('(laughs),', '<noise>'),
     ('(s)he', 'she')]
    """
    found = list(_split(text, _GROUPED if grouped_by_spaces else _TOKEN))
    written = [token for _, token in found]
    places = [0, *(place for place, _ in found)]
    begins_line = [n == 0 or _BREAK.search(text, *places[n : n + 2]) for n in range(len(written))]
    labels = [token.label for token in written]
    said = ["" if token.said == NOISE else token.said for token in written]
    silenced = speaker_label_places(labels, said, list(map(bool, begins_line)), speaker_labels)
    return tuple(
        replace(token, said="") if n in silenced else token for n, token in enumerate(written)
    )


_BREAK = re.compile(r"[\n\r\u2028\u2029]")
# White space of all scripts, the zero-width space, and blanks that Unicode calls letters.
_BLANK = r"\s\u1680\u200b\u2800\u3164\uffa0"
NO_BREAK = "\u00a0\u2007\u2009\u202f"
"""Spaces that join groups of digits: ``10 000``."""
_TOKEN, _GROUPED = (
    re.compile(
        rf"(?:(?<=\d)(?<!\d\d\d\d)[{spaces}](?=\d{{3}}(?!\d))|[^{_BLANK}\u1361])+\u1361?|\u1361+"
    )
    for spaces in (NO_BREAK, NO_BREAK + " ")
)
_BRACKETS = {
    "[": "]",
    "{": "}",
    "(": ")",
    "【": "】",
    "〔": "〕",
    "［": "］",
    "｛": "｝",
    "（": "）",
}
_ROUND = "(（"
_CLOSING = {close: open_ for open_, close in _BRACKETS.items()}
_OPENING = re.compile(r"[][(){}<>&%*+/【〔［｛（】〕］｝）]")
_AFTER = re.compile(r"[^\w\s\[\](){}<>&%*+/【】〔〕［］｛｝（）¿¡‘“«#$£€]*")
_UNDERSTOOD_BY_NOBODY = re.compile(r"\W*(?:x{3,}|yyy|www)\W*")


_BLANKS = re.compile(f"[{_BLANK}]")
_REFERENCE = re.compile(r"&(?:amp|quot|apos|lt|gt|nbsp|#\d{1,7}|#x[\da-fA-F]{1,6});")
# word/P R AH N AH N/: two phones at least, or one in capitals.
_PHONE = rf"[^/{_BLANK}]+"
_PRONOUNCED = re.compile(
    rf"(?<=[\w'’])/({_PHONE}(?: {_PHONE})+|[A-Z]{{1,2}}[012]?)/([.,;:!?…]*)(?=[{_BLANK}]|$)"
)
_CLOSED = re.compile(r"</([^\W\d_][\w.:-]*)>")


@dataclass(frozen=True)
class _Brackets:
    """The brackets of a text: the place of each one's partner, and which tags are closed.

    ``mixed`` says that the text has lower case.
    """

    partners: dict[int, int]
    closed_tags: frozenset[str]
    mixed: bool


def _split(text: str, token: re.Pattern[str]) -> Iterator[tuple[int, WrittenToken]]:
    """Yield each token with its place in the text."""
    brackets = _Brackets(
        _partners(text), frozenset(_CLOSED.findall(text)), any(map(str.islower, text))
    )
    plain = at = 0
    for match in _OPENING.finditer(text):
        if match.start() < at:
            continue
        pronounced = _PRONOUNCED.match(text, match.start())
        if pronounced:
            begin = _last_blank(text, plain, match.start())
            yield from _plain(text, plain, begin, brackets, token)
            word, after = text[begin : match.start()], pronounced[2]
            yield begin, WrittenToken(f"{word}{after}", word, tuple(pronounced[1].split()))
            plain = at = pronounced.end()
            continue
        note = _note(text, match.start(), brackets)
        if note is None:
            continue
        yield from _plain(text, plain, match.start(), brackets, token)
        end, said = note
        end = _AFTER.match(text, end).end()  # type: ignore[union-attr]
        yield match.start(), WrittenToken(" ".join(text[match.start() : end].split()), said)
        plain = at = end
    yield from _plain(text, plain, len(text), brackets, token)


def _last_blank(text: str, begin: int, end: int) -> int:
    """Return where the word begins that ends at a place."""
    while end > begin and not _BLANKS.match(text[end - 1]):
        end -= 1
    return end


def _plain(
    text: str, begin: int, end: int, brackets: _Brackets, token: re.Pattern[str]
) -> Iterator[tuple[int, WrittenToken]]:
    """Yield the tokens of a stretch without notes."""
    for match in token.finditer(text, begin, end):
        label = said = match[0]
        lost = [n for n in range(*match.span()) if text[n] in "[]{}" and n not in brackets.partners]
        if (lost and any(map(str.isalpha, label))) or _UNDERSTOOD_BY_NOBODY.fullmatch(label):
            said = NOISE
        else:
            said = _REFERENCE.sub(lambda reference: unescape(reference[0]), label)
            if "[" in label or "(" in label:
                said = _inside(said)
        yield match.start(), WrittenToken(label, said)


def _partners(text: str) -> dict[int, int]:
    """Return the place of each bracket's partner; brackets that have none are missing."""
    partners: dict[int, int] = {}
    stack: list[int] = []
    opened = dict.fromkeys(_BRACKETS, 0)
    for match in _OPENING.finditer(text):
        character, n = match[0], match.start()
        if character in _BRACKETS:
            stack.append(n)
            opened[character] += 1
        elif opened.get(_CLOSING.get(character, ""), 0):
            while True:
                last = stack.pop()
                opened[text[last]] -= 1
                if text[last] == _CLOSING[character]:
                    break
            partners[last], partners[n] = n, last
    return partners


_MARKUP = re.compile(
    r"</?(?:[biusvp]|em|strong|font|ruby|rt|lang|s|sil|eps|pau|[be]_aside)\b[^<>]*>"
)
_TAG = re.compile(r"<(/?)([^\W\d_][\w.:-]*)(?:\s[^<>]*)?(/?)>")
_NOTE_IN_ANGLES = re.compile(r"<[^\W_]([^<>\n]{0,80})>")
_SCOPE = re.compile(r"\s*\[(?:[/<>:=*?!]|x )")  # CHAT: a code about the words before it
_CODE = re.compile(r"[:=*+%^?!<>/&]+(?:\s|$)|[x×] ?\d+$|=[!?]")
_STAMP = re.compile(r"\d{1,2}:\d\d:\d\d(?:[.,]\d+)?")
_MARKED = re.compile(r"\{[A-Z](?= \w)")  # {F uh, }: Switchboard's marks of what is said
_TURN = re.compile(r">{2,}(?![^\w\s-])")  # subtitles: another speaker
_EVENT = re.compile(r"&(?:=\S+|\*\w+:\S+)")
_SAID = re.compile(r"&(?:[-~+](?=\w)|(?=(?:uh|um|er|ah|eh|hm|mm|mhm)\b))(\w+)|%([^\W\d]\w*)")
_REDACTED = re.compile(r"/(?:\?|RD-[\w-]+|([\w ]+))/")
_FILLER = re.compile(r"(\+{1,2})\w+\1(?!\S)")
_STARRED = re.compile(r"\*([^\s*](?:[^*\n]{0,60}[^\s*])?)\*(?![\w*])")


def _note(text: str, at: int, brackets: _Brackets) -> tuple[int, str] | None:
    """Return where a note that begins here ends, and what is said for it; None for no note."""
    opening = text[at]
    if _MARKED.match(text, at):
        return at + 2, ""
    begins = at == 0 or not text[at - 1].isalnum()
    if opening in _BRACKETS:
        if at not in brackets.partners:
            return None
        end = brackets.partners[at] + 1
        content = text[at + 1 : end - 1]
        content = content.strip()
        if opening in _ROUND:
            said = _round(text, at, end, content, mixed=brackets.mixed)
        else:
            said = _square(text, at, end, content)
        return None if said is None else (end, said)
    if opening == "<":
        return _angle(text, at, brackets.closed_tags)
    if not begins:
        return None
    if opening == ">" and (match := _TURN.match(text, at)):
        return match.end(), ""
    if opening == "&" and (match := _EVENT.match(text, at)):
        return at + len(match[0].rstrip(".,;:!?")), NOISE
    if opening in "&%" and (match := _SAID.match(text, at)):
        word = match[1] or match[2]
        return match.end(), NOISE if opening == "%" and is_direction(word) else word
    if opening == "/" and (match := _REDACTED.match(text, at)):
        return (match.end(), NOISE) if match[1] is None or is_direction(match[1]) else None
    if opening == "+" and (match := _FILLER.match(text, at)):
        return match.end(), NOISE
    if opening == "*" and (match := _STARRED.match(text, at)):
        note = _sound(match[1])
        return None if note is None else (match.end(), note)
    return None


def _sound(content: str) -> str | None:
    """Return what is said for a note in round brackets or asterisks; None for no note."""
    return "" if is_pause(content) else NOISE if is_direction(content) else None


def _square(text: str, at: int, end: int, content: str) -> str | None:
    before, after = text[at - 1 : at], text[end : end + 1]
    letters = content.replace("'", "").isalpha()
    glued = before.isalnum() or after.islower() or after == "-"
    if letters and glued and not is_direction(content):
        return None  # a part of a word
    laughed = re.fullmatch(r"(?:laughter|laugh|noise)-(\w.*)", content)
    if laughed:
        return laughed[1]
    if _CODE.match(content) or re.fullmatch(rf"{SPEAKER}[ _]?\w{{0,3}}", content) or after == ":":
        return ""
    return NOISE if any(map(str.isalpha, content)) and not is_pause(content) else ""


def _round(text: str, at: int, end: int, content: str, *, mixed: bool) -> str | None:
    if text[at - 1 : at].isalnum() or text[end : end + 1].isalnum():
        return None  # (s)he, word(s)
    double = content[:1] in tuple(_ROUND) and content[-1:] in (")", "）")
    inner = content[1:-1].strip() if double else content
    if double and (not inner or inner == "?"):
        return NOISE
    if _UNDERSTOOD_BY_NOBODY.fullmatch(content):
        return NOISE
    if _STAMP.fullmatch(inner):
        return ""
    several = inner.isupper() and len(re.findall(r"[^\W\d_]{2,}", inner)) > 1
    if several and mixed:
        return NOISE  # (END VIDEO CLIP)
    return _sound(inner)


def _angle(text: str, at: int, closed_tags: frozenset[str]) -> tuple[int, str] | None:
    match = re.compile(r"<\|[^<>|]*\|>").match(text, at) or _MARKUP.match(text, at)
    if match:
        return match.end(), ""
    tag = _TAG.match(text, at)
    if tag and (tag[1] or (not tag[3] and tag[2].partition(".")[0] in closed_tags)):
        return tag.end(), ""
    match = _NOTE_IN_ANGLES.match(text, at)
    if match is None or _SCOPE.match(text, match.end()):
        return None
    return match.end(), "" if is_pause(match[0][1:-1]) else NOISE


def _inside(token: str) -> str:
    """Return what is said of a word with brackets in it: ``th[ey]-`` is cut off, ``[s]he`` not."""
    if re.search(r"\]-\W*$|^\W*-\[", token):
        return re.sub(r"\[[^][]*\]", "", token)
    token = re.sub(r"\[([^][]*)\]", r"\1", token)
    return re.sub(
        r"(?<=[^\W\d_]{2})\(([^\W\d_]{1,5})\)|\(([^\W\d_]{1,5})\)(?=[^\W\d_]{2})", r"\1\2", token
    )
