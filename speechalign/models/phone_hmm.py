"""Phone HMMs: what every model of phones in three states shares, whatever scores the states."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, TypeVar

import numpy as np

from speechalign.errors import InputError
from speechalign.graphs import Graph, HmmUnit, hmm_graph
from speechalign.kernels.gaussian_mixture import STATES
from speechalign.models.installed_dictionary import InstalledDictionary
from speechalign.models.protocols import PhoneSpan
from speechalign.text.dictionary import Dictionary, Variants
from speechalign.vocabulary import Vocabulary

if TYPE_CHECKING:
    from typing_extensions import Required

_Self = TypeVar("_Self", bound="PhoneHmm")


class PhoneHmmParameters(TypedDict, total=False):
    """The keywords of `PhoneHmm`, for subclasses that hand them on."""

    name: Required[str]
    language: Required[str]
    licence: Required[str]
    phones: Required[Sequence[str]]
    silence: Required[str]
    noise: Required[str]
    stay: Required[np.ndarray]
    dictionary: Required[Mapping[str, Variants]]
    variant_priors: Required[Mapping[Variants, tuple[float, ...]]]
    silence_probability: Required[float]
    acoustic_scale: Required[float]
    calibration: Required[tuple[float, float]]
    pronunciation: str | None


class PhoneHmm:
    """Phones of three states in a row, each with a loop, none skipped.

    A subclass scores the states: it defines ``emit``, ``describe`` and ``content_hash``.

    Parameters
    ----------
    name, language, licence : str
        As `Model` has them.
    phones : Sequence[str]
        P units, ``silence`` and ``noise`` among them; states 3p to 3p + 2 belong to phone p.
    silence, noise : str
        As `PhoneModel` has them.
    stay : ndarray, shape (P, 3), float64
        Probability of repeating each state, in (0, 1).
    dictionary : Mapping[str, tuple[tuple[str, ...], ...]]
        Pronunciations of each lower-case word.
    variant_priors : Mapping
        Pronunciations of a word, as the dictionary has them, to the natural-log prior of each.
        Words that are missing have none: every pronunciation weighs 0.
    silence_probability : float
        Prior of a pause before, between and after words, in (0, 1).
    acoustic_scale : float
        As `PhoneModel` has it.
    calibration : tuple[float, float]
        As `PhoneModel` has it.
    pronunciation : str or None
        How words that the dictionary lacks are pronounced: a name in
        ``speechalign.text.PRONUNCIATIONS``, or the path of a model of ``speechalign g2p train``.

    Raises
    ------
    InputError
        Numbers of phones and probabilities do not match, or a name is not among the phones.
    """

    aligner = "phones"
    normalised = False

    def __init__(
        self,
        *,
        name: str,
        language: str,
        licence: str,
        phones: Sequence[str],
        silence: str,
        noise: str,
        stay: np.ndarray,
        dictionary: Mapping[str, Variants],
        variant_priors: Mapping[Variants, tuple[float, ...]],
        silence_probability: float,
        acoustic_scale: float,
        calibration: tuple[float, float],
        pronunciation: str | None = None,
    ) -> None:
        if stay.shape != (len(phones), STATES):
            raise InputError(
                f"{name}: expected {STATES} probabilities for each of {len(phones)} phones, got "
                f"shape {stay.shape}"
            )
        for unit in (silence, noise):
            if unit not in phones:
                raise InputError(f"{name}: {unit!r} is not one of the phones")
        self.name = name
        self.language = language
        self.licence = licence
        self.phones = tuple(phones)
        self.silence = silence
        self.noise = noise
        self.stay = stay
        self.dictionary = dictionary
        self.variant_priors = variant_priors
        self.silence_probability = silence_probability
        self.acoustic_scale = acoustic_scale
        self.calibration = calibration
        self.pronunciation = pronunciation
        self.home = np.arange(STATES * len(phones))
        self.vocabulary = Vocabulary(
            [f"{phone}.{state}" for phone in self.phones for state in range(STATES)]
        )
        self._numbers = {phone: p for p, phone in enumerate(self.phones)}
        self._log_stay, self._log_leave = np.log(stay), np.log1p(-stay)
        self._units: dict[tuple[str, str, str], HmmUnit] = {}

    @property
    def parameters(self) -> PhoneHmmParameters:
        """Phones, words and weights, for a model of another family."""
        return PhoneHmmParameters(
            name=self.name,
            language=self.language,
            licence=self.licence,
            phones=self.phones,
            silence=self.silence,
            noise=self.noise,
            stay=self.stay,
            dictionary=self.dictionary,
            variant_priors=self.variant_priors,
            silence_probability=self.silence_probability,
            acoustic_scale=self.acoustic_scale,
            calibration=self.calibration,
            pronunciation=self.pronunciation,
        )

    @property
    def own_words(self) -> Collection[str]:
        """Words that the dictionary has as a user wrote them."""
        if isinstance(self.dictionary, InstalledDictionary):
            return self.dictionary.own
        return self.dictionary

    def with_pauses(self: _Self, probability: float) -> _Self:
        """Return the same model with another prior of a pause, in (0, 1)."""
        if not 0 < probability < 1:
            raise InputError(
                f"pause_probability: expected a number between 0 and 1, got {probability}"
            )
        model = copy.copy(self)
        model.silence_probability = probability
        return model

    def with_dictionary(self: _Self, own: Dictionary) -> _Self:
        """Return the same model with the pronunciations of a user's dictionary, in its phones."""
        model = copy.copy(self)
        if isinstance(self.dictionary, InstalledDictionary):
            model.dictionary = self.dictionary.overlaid(own)
        else:
            model.dictionary = {**self.dictionary, **own}
        model.variant_priors = {**self.variant_priors, **own.variant_priors()}
        return model

    def unit(self, phone: str, *, left: str = "", right: str = "") -> HmmUnit:
        """Return the HMM of a phone between its neighbours in the word; "" where there is none."""
        key = (left, phone, right) if self.depends_on_neighbours else ("", phone, "")
        unit = self._units.get(key)
        if unit is None:
            p = self._numbers[phone]
            labels = self.states(p, self._numbers.get(left), self._numbers.get(right))
            unit = HmmUnit(labels, tuple(self._log_stay[p]), tuple(self._log_leave[p]))
            self._units[key] = unit
        return unit

    @property
    def depends_on_neighbours(self) -> bool:
        """Return whether the states of a phone depend on its neighbours."""
        return False

    def states(self, phone: int, left: int | None, right: int | None) -> tuple[int, ...]:  # noqa: ARG002
        """Return the columns of a phone's states, given the numbers of its neighbours."""
        return tuple(range(phone * STATES, (phone + 1) * STATES))

    @property
    def shared_content(self) -> tuple[object, ...]:
        """Parts of `content_hash` beside the parameters of the states."""
        g2p = Path(self.pronunciation or "")
        return (
            *(self.stay, self.silence_probability, self.acoustic_scale, self.calibration),
            *(self.phones, self.silence, self.noise),
            *(list(self.dictionary.items()), list(self.variant_priors.items())),
            g2p if g2p.is_file() else self.pronunciation,
        )

    def _spelt(self, phones: Sequence[str]) -> list[HmmUnit]:
        around = ["", *phones, ""]
        return [
            self.unit(phone, left=left, right=right)
            for left, phone, right in zip(around, phones, around[2:])
        ]

    def graph(self, words: Sequence[Sequence[Sequence[str]]]) -> Graph:
        """Build the graph of words, given each word's pronunciations as phone names."""
        spelt = [[self._spelt(phones) for phones in variants] for variants in words]
        priors = [
            self.variant_priors.get(tuple(map(tuple, variants)), (0.0,) * len(variants))
            for variants in words
        ]
        return hmm_graph(
            spelt,
            variant_weights=priors,
            silence=self.unit(self.silence),
            silence_probability=self.silence_probability,
        )

    def chain(self, phones: Sequence[str], *, positions: Sequence[int] | None = None) -> Graph:
        """Build the graph of one fixed sequence of phones and pauses, each an item of its own.

        ``positions`` says of each the word it is part of, as `PhoneSpan` does, to tell neighbours;
        without, no phone has any.
        """
        where = range(len(phones)) if positions is None else positions
        words: list[list[str]] = []
        for i, phone in enumerate(phones):
            if i and where[i] == where[i - 1]:
                words[-1].append(phone)
            else:
                words.append([phone])
        return hmm_graph([[[unit]] for word in words for unit in self._spelt(word)])

    def spans(self, graph: Graph, arcs: np.ndarray) -> list[PhoneSpan]:
        """Cut a (T,) path through ``graph`` into phones and pauses."""
        home = self.home[graph.labels[arcs]]
        entered = (graph.sources[arcs] != graph.targets[arcs]) & (home % STATES == 0)
        begins = np.flatnonzero(entered)
        ends = np.append(begins[1:], len(arcs))
        return [
            PhoneSpan(
                self.phones[home[begin] // STATES],
                int(graph.positions[arcs[begin]]),
                int(begin),
                int(end),
            )
            for begin, end in zip(begins, ends)
        ]
