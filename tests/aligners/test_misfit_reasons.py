"""Reasons of misfits, in words."""

from speechalign.aligners.misfit_reasons import misfit_reasons
from speechalign.alignment import Interval
from speechalign.text.word import Word


def word(label, start=None, status="aligned"):
    span = None if start is None else Interval(start, start + 0.5, label)
    return Word(label, (), span=span, status="skipped" if start is None else status)


def test_each_kind_has_its_reason():
    words = [
        word("never"),
        word("one", 1.0),
        word("one", 5.0, "repeated"),
        word("two", 1.5),
        word("two", 5.5, "repeated"),
        word("lost"),
        word("away"),
        word("three", 3.0),
        word("gone"),
        word("four", 3.5),
        word("last"),
    ]
    found = misfit_reasons(words, [Interval(7.0, 49.0, "untranscribed")], (0.25, 50.0))
    assert [(m.kind, m.start, m.end, m.text, m.reason) for m in found] == [
        ("repeated", 5.0, 6.0, "one two", "said again; the first time from 1.00 to 2.00 s"),
        ("untranscribed", 7.0, 49.0, "", "42.0 s of sound that is not in the text"),
        ("skipped", None, None, "never", "no speech like it between 0.25 and 1.00 s"),
        ("skipped", None, None, "lost away", "no speech like it between 2.00 and 3.00 s"),
        ("skipped", None, None, "gone", "no time for it: the words around it meet at 3.50 s"),
        ("skipped", None, None, "last", "no speech like it between 4.00 and 50.00 s"),
    ]


def test_a_passage_skipped_where_the_text_goes_back():
    (found,) = misfit_reasons([word("b", 4.0), word("x"), word("a", 1.0)], [], (0.0, 5.0))
    assert found.reason == "no speech like it after 4.50 s or before 1.00 s"


def test_a_text_that_fits_has_none():
    assert misfit_reasons([word("b", 4.0), word("a", 1.0)], [], (0.0, 5.0)) == []
