"""Phone names: what the phones of a model are called in the results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from speechalign.errors import InputError
from speechalign.models import Model
from speechalign.text.dictionary import Dictionary, Phones, Stress, Variants
from speechalign.text.phone_sets import PHONE_SETS, is_arpabet, rename
from speechalign.text.stress import EnglishStress
from speechalign.text.word import Word


class PhoneNames:
    """Rename the phones of aligned words.

    Parameters
    ----------
    model : Model
        Whose phones they are.
    phone_set : str or None
        One of `speechalign.text.phone_sets.PHONE_SETS`; None keeps the names of the model.
    names : Mapping[str, str] or None
        What to write for a phone, after that; names that are missing stay.
    own : Iterable[Dictionary]
        Pronunciations of the user's own, with the stress that they have there.

    Raises
    ------
    InputError
        There is no such phone set, or the phones of the model have no names in it.
    """

    def __init__(
        self,
        model: Model,
        *,
        phone_set: str | None = None,
        names: Mapping[str, str] | None = None,
        own: Iterable[Dictionary] = (),
    ) -> None:
        phones = getattr(model, "phones", ())
        if phone_set is not None and phone_set not in PHONE_SETS:
            raise InputError(
                f"phone_set: expected one of {', '.join(PHONE_SETS)}, got {phone_set!r}"
            )
        if not phones:
            raise InputError(
                f"phone_set: {model.name} has no phones; leave the phone set out, or use a model "
                "of phones"
            )
        self._arpabet = is_arpabet(phones)
        if phone_set in ("arpabet", "arpabet-stress") and not self._arpabet:
            raise InputError(
                f"phone_set: the phones of {model.name} have no ARPABET names, which are English; "
                "choose ipa or xsampa"
            )
        self._phone_set = phone_set
        self._names = names or {}
        self._own = {key: stress for one in own for key, stress in one.stress.items()}

    def renamed(self, word: Word) -> Word:
        """Return an aligned word with its phones renamed."""
        phones = tuple(interval.label for interval in word.phones)
        stresses = self._stress(word, phones)
        labels = (self._label(phone, stress) for phone, stress in zip(phones, stresses))
        intervals = zip(word.phones, labels)
        return replace(
            word, phones=tuple(replace(interval, label=label) for interval, label in intervals)
        )

    def _label(self, phone: str, stress: int | None) -> str:
        if self._phone_set is not None:
            phone = rename(phone, self._phone_set, stress=stress)
        return self._names.get(phone, phone)

    def _stress(self, word: Word, phones: Phones) -> Stress:
        """Return the stress of each phone of a word, as the pronunciation that was said has it."""
        if not self._arpabet or self._phone_set in (None, "arpabet"):
            return (None,) * len(phones)
        said = next(_pronunciations(phones, word.variants), None)
        if said is None:  # noise
            return (None,) * len(phones)
        found: list[int | None] = []
        for spoken, pronunciation in zip(word.spoken, said):
            own = self._own.get((spoken, pronunciation))
            found += own or self._english.of(spoken, pronunciation)
        return tuple(found)

    @cached_property
    def _english(self) -> EnglishStress:
        from speechalign.models.hmm_gmm.english_sphinx import installed_dictionary

        return EnglishStress(installed_dictionary())


def _pronunciations(phones: Phones, variants: Sequence[Variants]) -> Iterator[tuple[Phones, ...]]:
    """Yield the ways to cut phones into a pronunciation of each spoken word."""
    if not variants:
        if not phones:
            yield ()
        return
    for pronunciation in variants[0]:
        if phones[: len(pronunciation)] == pronunciation:
            for rest in _pronunciations(phones[len(pronunciation) :], variants[1:]):
                yield (pronunciation, *rest)
