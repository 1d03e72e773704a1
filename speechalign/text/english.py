"""English transcripts: the user's own words, and what is said for each.

=============================  ==========================================================
token                          spoken
=============================  ==========================================================
``Hello,`` ``café`` ``don't``  hello; cafe; don't (lower case, no accents or punctuation)
``'em`` ``dogs'`` ``'hi'``     'em; dogs'; hi (apostrophes stay where they belong to a word)
``well-known`` ``and/or``      well known; and or
``FBI`` ``TVs`` ``FBI's``      f b i; t v's; f b i's: two to four capitals, or five consonants,
                               and no known word. Not in a text that is all capitals
``A.B.C.`` ``e.g.``            a b c; e g
``R&D`` ``B2B`` ``mp3``        r and d; b two b; m p three
``Mr.`` ``Capt.`` ``dept.``    mister; captain; department: `english_abbreviations` has titles,
                               firms, months, days, streets, units
``Jan. 5`` ``5 May``           january fifth; five may
``on Mon.`` ``he sat.``        on monday; he sat: what is a word too needs company
``vs.`` ``etc.`` ``No. 5``     versus; et cetera; number five
``Main St.`` ``St. John``      main street; saint john: before a word with a capital
``Henry VIII`` ``Act IV``      henry the eighth; act four: Roman numerals; ``I``, ``V``, ``X`` only
                               after headings and names of rulers
``105`` ``1,234`` ``007``      one hundred five; one thousand two hundred thirty four; zero zero
                               seven; more than 15 digits are read one by one
``3.14`` ``.5`` ``1.2.3``      three point one four; point five; one point two point three
``-5`` ``+5`` ``±5``           minus five; plus five; plus minus five
``1995`` ``1905`` ``2015``     nineteen ninety five; nineteen oh five; twenty fifteen: a number
                               alone from 1100 to 1999, or from 2010 to 2099
``3rd`` ``20s`` ``1990s``      third; twenties; nineteen nineties
``1/2`` ``2 3/4`` ``½``        one half; two and three quarters; one half
``24/7`` ``1/15/1995``         twenty four seven; one fifteen nineteen ninety five
``2-3`` ``1995-96``            two to three; nineteen ninety five to ninety six
``555-1234``                   five five five one two three four
``10:30`` ``10:05`` ``10:00``  ten thirty; ten oh five; ten o'clock (ten, before am or pm)
``2:1``                        two to one
``$5.50`` ``£0.01`` ``5€``     five dollars fifty cents; one penny; five euros; also ¥ ₹ ¢
``$5k`` ``$1.5 million``       five thousand dollars; one point five million dollars
``50%`` ``20°C`` ``1°``        fifty percent; twenty degrees celsius; one degree
``5km`` ``5 kg`` ``10 AM``     five kilometers; five kilograms; ten a m
``10m`` ``10k`` ``5'10"``      ten meters; ten thousand; five foot ten
``2x`` ``3x4``                 two times; three by four; also two x, three times four
``x²`` ``10³`` ``H₂O``         x squared; ten cubed; h two o
``&`` ``+`` ``=`` ``@``        and; plus; equals; at; also × times, ÷ divided by, § section
``#5`` ``#tag`` ``C#``         number five; hashtag tag; c sharp
``joe@x.org`` ``a.com/b``      joe at x dot org; a dot com slash b
``[noise]`` ``<unk>`` ``{NS}`` `NOISE`: one token in brackets, with a letter in it
``猫`` ``Москва``              `UNKNOWN`: a letter that is not Latin
``-`` ``...`` ``🙂`` ``?``     nothing
=============================  ==========================================================
"""

from __future__ import annotations

from collections.abc import Callable

from speechalign.text.english_rules import Context, speak
from speechalign.text.latin import to_latin
from speechalign.text.tokens import NOISE, tokens
from speechalign.text.word import UNKNOWN, Spoken, Word, speak_tokens


def words(
    text: str,
    *,
    known: Callable[[str], bool] | None = None,
    own: Callable[[str], Spoken] | None = None,
    speaker_labels: str | None = None,
) -> tuple[Word, ...]:
    """Split a transcript into words that can be spoken.

    Parameters
    ----------
    text : str
        What was said, as the user wrote it; white space separates tokens.
    known : callable or None
        Tells whether the dictionary has a word, in lower case. It decides whether capitals are
        spelled out and which apostrophes belong to a word. None: it has none.
    own : callable or None
        As `speak_tokens` takes it.
    speaker_labels : str or None
        As `speechalign.text.tokens.tokens` takes it.

    Returns
    -------
    tuple[Word, ...]
        As `speak_tokens` makes them; spoken are lower-case words of letters and apostrophes.

    Notes
    -----
    The table above says what is spoken for what. Numbers are read the American way, without
    "and". What is said for a token depends on itself, on the tokens beside it, and on whether
    the text has lower case anywhere outside noise tokens; on nothing else.

    Examples
    --------
    >>> [(word.label, " ".join(word.spoken)) for word in words("Dr. Who — paid $5.50, twice!")]
    [('Dr.', 'doctor'), ('Who —', 'who'), ('paid', 'paid'), \
('$5.50,', 'five dollars fifty cents'), ('twice!', 'twice')]
    """
    written = tokens(text, speaker_labels=speaker_labels)
    lower_case = any(c.islower() for token in written if token.said != NOISE for c in token.said)

    def say(before: str, token: str, after: str) -> tuple[Spoken, ...]:
        latin = to_latin(token)
        if latin is None:
            return ((UNKNOWN,),)
        return speak(latin, Context(before, after, known or (lambda _: False), spell=lower_case))

    return speak_tokens(written, say, own=own)
