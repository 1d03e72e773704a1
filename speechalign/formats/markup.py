r"""Markup in subtitles: what stands in a cue and is not its text.

Both formats are read alike, but for tags: in WebVTT all of ``<...>`` are tags, in SubRip, which
has no specification, those that players know, so that ``<unk>`` stays. Override codes of SubStation
Alpha (``{\an8}``) and those of MicroDVD (``{b}``) fall away, and character references (``&amp;``)
become characters.
"""

from __future__ import annotations

import html
import re
from html.entities import html5

_CODE = r"\{\\[^{}]*\}|\{/?[bius]\}|\{[a-zA-Z]:[^{}]*\}"
_BREAK = r"(?P<break><br\s*/?>)"
_REFERENCE = r"&(?P<reference>#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]*);"
_KNOWN = (
    r"</?(?:b|i|u|s|c|v|em|strong|font|span|lang|ruby|rt|rp)(?:[.\s][^<>]*)?/?>"
    r"|<[0-9:]+[.,][0-9]+>"
)

WEBVTT = re.compile(rf"{_BREAK}|<[^>]*>|{_CODE}|{_REFERENCE}", re.IGNORECASE)
SUBRIP = re.compile(rf"{_BREAK}|{_KNOWN}|{_CODE}|{_REFERENCE}", re.IGNORECASE)


def plain(text: str, markup: re.Pattern[str]) -> str:
    r"""Return the text of a cue without its markup.

    Parameters
    ----------
    text : str
        As it stands in the file.
    markup : Pattern
        ``WEBVTT`` or ``SUBRIP``.

    Examples
    --------
    >>> plain(r"{\an8}<i>Tea &amp; <unk></i>", SUBRIP), plain("<c.loud>no <unk>", WEBVTT)
    ('Tea & <unk>', 'no ')
    """
    return markup.sub(_meaning, text)


def _meaning(found: re.Match[str]) -> str:
    reference = found["reference"]
    if reference is None:
        return " " if found["break"] else ""
    if reference[0] == "#":
        return html.unescape(found[0])
    # Not html.unescape, which takes "&notit;" for "¬it;".
    return html5.get(f"{reference};", found[0])


def escape(text: str, markup: re.Pattern[str]) -> str:
    """Write a text so that `plain` returns it; one without anything like markup stays as it is.

    Examples
    --------
    >>> escape("R&D <unk>", SUBRIP), escape("<i> & me", SUBRIP), escape("R&D <unk>", WEBVTT)
    ('R&D <unk>', '&lt;i&gt; &amp; me', 'R&amp;D &lt;unk&gt;')
    """
    if markup is SUBRIP and "-->" not in text and plain(text, markup) == text:
        return text
    written = html.escape(text, quote=False)
    return written if plain(written, markup) == text else written.replace("{", "&#123;")
