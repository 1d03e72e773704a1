"""Costs of ending a subtitle, or a line, after each word of a text."""

from __future__ import annotations

import re
from collections.abc import Sequence

SENTENCE, CLAUSE, PHRASE, PLAIN, TORN = 0.0, 1.0, 2.0, 3.0, 4.0
"""Costs of a break: at the end of a sentence or clause, before a phrase, and elsewhere; and behind
a word such as "the", which belongs to the next."""
INSIDE = 100.0
"""Cost of a break inside a number or a name, which is taken only where there is no other way."""

_CLOSING = "\"'”’»)]}"
_SENTENCE_END = re.compile(rf"[.!?…。！？]+[{re.escape(_CLOSING)}]*")
_CLAUSE_END = re.compile(rf"[,;:–—、，；：-][{re.escape(_CLOSING)}]*$|[?!.][”’»\"')]$|\)$")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_PHRASES = _set(
    "and but or nor so yet because although though that which who whom whose when where while if "
    "unless until since before after as than in on at by for with from into through over under "
    "about between during without to of like und oder aber denn weil dass ob wenn als bis während "
    "in mit von zu auf für durch bei"
)
_TO_THE_NEXT = _set(
    "a an the my your his her its our their this these those to of in on at by for with from into "
    "and or but very more less fewer not is are was were be been will would can could should must "
    "has have had i "
    "der die das den dem des ein eine einen einem einer eines kein keine mein dein sein ihr unser "
    "im am zum zur vom und oder aber sehr mehr weniger nicht"
)
_TITLES = _set(
    "mr mrs ms mx dr prof st rev lt col capt sgt gen sen gov hon pres sir dame lord lady king "
    "queen pope saint herr frau señor señora monsieur madame"
)
_PARTICLES = _set("van von de der den da di del della du la le bin ibn al el of y und")
_PAIRED = _set("van von de")  # which a second one may follow
_NUMBER_WORDS = _set(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety "
    "hundred thousand million billion trillion point half quarter"
)
_ORDINALS = _set(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
)
_TENS = _set("twenty thirty forty fifty sixty seventy eighty ninety hundred thousand")
_AFTER_NUMBERS = _set(
    "hundred thousand million millions billion billions trillion percent per % ° °c °f km m cm mm "
    "kg g mg l ml hz khz mhz kb mb gb s ms min h am pm a.m p.m o'clock dollars cents euros euro "
    "pounds yen degrees prozent uhr mio mrd january february march april may june july august "
    "september october november december"
)
_BEFORE_NUMBERS = _set(
    "no number chapter page part section version volume vol fig figure table § # january february "
    "march april may june july august september october november december jan feb mar apr jun jul "
    "aug sep sept oct nov dec kapitel seite nummer nr"
)
_LONG_PAUSE = 0.2  # seconds: a speaker who pauses between two words parts them


def break_costs(words: Sequence[str], pauses: Sequence[float] = ()) -> list[float]:
    """Return the cost of a break behind each word but the last.

    Parameters
    ----------
    words : sequence of str
        N words as they are written.
    pauses : sequence of float
        The N - 1 pauses between them, seconds; none where they are not known.

    Returns
    -------
    list of float
        N - 1 costs. Phrases are known in English and German; a pause makes up for it elsewhere.

    Examples
    --------
    >>> break_costs("He paid 5 million, I think, to Dr. Who.".split())
    [3.0, 3.0, 100.0, 1.0, 4.0, 1.0, 4.0, 100.0]
    """
    keys = [word.strip(_CLOSING + "([{\"'“‘«¡¿.,;:!?…").lower() for word in words]
    costs = []
    for n in range(len(words) - 1):
        if _is_inside_number(words, keys, n) or _is_inside_name(words, keys, n):
            costs.append(INSIDE)
        elif _ends_sentence(words[n], keys[n], words[n + 1]):
            costs.append(SENTENCE)
        elif _CLAUSE_END.search(words[n]) or words[n + 1][0] in "(–—-":
            costs.append(CLAUSE)
        else:
            cost = TORN if keys[n] in _TO_THE_NEXT else PLAIN
            if keys[n + 1] in _PHRASES:
                cost -= 1
            if pauses and pauses[n] >= _LONG_PAUSE:
                cost -= 1
            costs.append(cost)
    return costs


def _ends_sentence(word: str, key: str, after: str) -> bool:
    end = _SENTENCE_END.search(word)
    if end is None or end.end() < len(word) or (end[0][-1] in _CLOSING and after[0].islower()):
        return False
    abbreviated = key in _TITLES or key in _BEFORE_NUMBERS or (len(key) == 1 and key.isalpha())
    return not (end[0].startswith(".") and (abbreviated or after[0].islower()))


def _is_inside_number(words: Sequence[str], keys: Sequence[str], n: int) -> bool:
    """Tell whether a break behind word n is inside a number, or between it and its unit."""
    if words[n][-1] in ",;:!?" or not keys[n] or not keys[n + 1]:
        return False
    before, after = keys[n], keys[n + 1]
    if before[-1].isdigit() and not words[n].endswith("."):
        return after[0].isdigit() or after in _AFTER_NUMBERS
    if before in _BEFORE_NUMBERS:
        return after[0].isdigit()
    if before == "and":
        return n > 0 and keys[n - 1] in {"hundred", "thousand"} and after in _NUMBER_WORDS
    if before in _TENS and after in _ORDINALS:
        return True
    if before in _NUMBER_WORDS and not words[n].endswith("."):
        follows = n + 2 < len(keys) and before in {"hundred", "thousand"} and after == "and"
        return after in _NUMBER_WORDS | _AFTER_NUMBERS or (follows and keys[n + 2] in _NUMBER_WORDS)
    return before in {"$", "€", "£", "¥"} and after[0].isdigit()


def _is_inside_name(words: Sequence[str], keys: Sequence[str], n: int) -> bool:
    """Tell whether a break behind word n is inside a name, or between it and a title."""

    def named(k: int) -> bool:
        return 0 <= k < len(words) and _is_capitalised(words[k], keys[k])

    if words[n][-1] in ",;:!?" + _CLOSING or words[n + 1][0] in '("“«':
        return False
    if keys[n] in _TITLES:
        return named(n + 1)
    initial = len(keys[n]) == 1 and words[n].endswith(".") and keys[n] != "i"
    if words[n].endswith(".") and not initial:
        return False
    first, last = n, n + 1
    while not named(first) and keys[first] in _PARTICLES and first > 0:
        first -= 1
    while not named(last) and keys[last] in _PARTICLES and last + 1 < len(words):
        last += 1
    # "van der Berg", but not "Peter und der Wolf".
    few = last - first <= 2 or (last - first == 3 and keys[first + 1] in _PAIRED)
    return few and named(first) and named(last)


def _is_capitalised(word: str, key: str) -> bool:
    """Tell whether a word begins in upper case and goes on in lower case, or is an initial."""
    letters = word.strip(_CLOSING + "([{\"'“‘«.,;:!?…")
    if not letters or not letters[0].isupper() or key in _TO_THE_NEXT:
        return False
    return len(letters) == 1 or any(letter.islower() for letter in letters)
