"""G2P: pronounce words that no dictionary has, by a joint-sequence n-gram model."""

from __future__ import annotations

import math
import unicodedata
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechalign.errors import FormatError, InputError
from speechalign.files.writing import in_place_of
from speechalign.text.graphones import Graphone, align_graphones
from speechalign.text.ngram import BackoffModel, train_backoff_model

_BEAM = 32  # partial pronunciations kept after each letter
_MARGIN = 8.0  # nats by which they may be worse than the best one


@dataclass(frozen=True)
class Pronunciation:
    """One way to say a word.

    Parameters
    ----------
    phones : tuple[str, ...]
        At least one.
    score : float
        Natural-log probability of the spelling together with these phones, cut into graphones in
        the most probable way.
    """

    phones: tuple[str, ...]
    score: float


# score of each partial pronunciation, by n-gram state and phones so far
_Beam = dict[tuple[int, tuple[str, ...]], float]


class G2P:
    """Grapheme-to-phoneme conversion by an n-gram model over graphones.

    Parameters
    ----------
    inventory : tuple[Graphone, ...]
        The graphones, by id. Symbols ``len(inventory)`` and ``len(inventory) + 1`` of the n-gram
        model are the beginning and the end of a word.
    ngrams : BackoffModel
        Probability of each graphone given those before it.

    Notes
    -----
    The pronunciation of a word is the phone sequence with the largest joint probability of both,
    that of the most probable graphone sequence that spells them [1]_, section 2; found by a beam
    search from left to right.

    References
    ----------
    .. [1] M. Bisani and H. Ney, "Joint-sequence models for grapheme-to-phoneme conversion",
       Speech Communication 50(5), 2008.

    Examples
    --------
    >>> lexicon = [("tip", "T IH P"), ("pit", "P IH T"), ("tap", "T AE P"), ("pat", "P AE T")]
    >>> model = train_g2p((word, tuple(phones.split())) for word, phones in lexicon)
    >>> model.pronounce("Tit")[0].phones
    ('T', 'IH', 'T')
    """

    def __init__(self, inventory: tuple[Graphone, ...], ngrams: BackoffModel) -> None:
        self.inventory = inventory
        self.ngrams = ngrams
        self._choices: dict[str, list[tuple[int, tuple[str, ...]]]] = defaultdict(list)
        for i, graphone in enumerate(inventory):
            self._choices[graphone.letters].append((i, graphone.phones))

    @property
    def phones(self) -> frozenset[str]:
        """Every phone that a pronunciation may hold."""
        return frozenset(phone for graphone in self.inventory for phone in graphone.phones)

    def pronounce(self, word: str, *, n_best: int = 1) -> tuple[Pronunciation, ...]:
        """Return the most probable pronunciations of a word.

        Parameters
        ----------
        word : str
            Taken in lower case. A character that the training data lacked loses its accents
            (Unicode NFKD); what is still unknown is skipped.
        n_best : int
            How many to return at most, >= 1.

        Returns
        -------
        tuple[Pronunciation, ...]
            At least one; the best first; no two with the same phones.

        Raises
        ------
        InputError
            No character of the word is known.
        """
        if n_best < 1:
            raise InputError(f"n_best: expected >= 1, got {n_best}")
        letters = self._known_letters(word)
        if not letters:
            raise InputError(
                f"word {word!r}: none of its characters was in the training data of the "
                "grapheme-to-phoneme model; add the word to the dictionary"
            )
        _, state = self.ngrams.step(0, len(self.inventory))
        beams: list[_Beam] = [{} for _ in range(len(letters) + 1)]
        beams[0][state, ()] = 0.0
        for i in range(len(letters)):
            partials = _best(beams[i])
            beams[i].clear()
            self._extend(partials, letters[i], beams[i + 1])
            if i + 2 <= len(letters):
                self._extend(partials, letters[i : i + 2], beams[i + 2])
        ends: dict[tuple[str, ...], float] = {}
        for (state, phones), score in beams[-1].items():
            if phones:
                log_prob, _ = self.ngrams.step(state, len(self.inventory) + 1)
                ends[phones] = max(ends.get(phones, -math.inf), score + log_prob)
        ranked = sorted(ends.items(), key=lambda item: (-item[1], item[0]))
        return tuple(Pronunciation(phones, score) for phones, score in ranked[:n_best])

    def _extend(self, partials: _Beam, chunk: str, beam: _Beam) -> None:
        """Add every continuation by a graphone with these letters."""
        choices = self._choices.get(chunk, ())
        step = self.ngrams.step
        for (state, phones), score in partials.items():
            for i, more in choices:
                log_prob, next_state = step(state, i)
                key = (next_state, phones + more)
                beam[key] = max(beam.get(key, -math.inf), score + log_prob)

    def _known_letters(self, word: str) -> str:
        letters = []
        for character in _letters(word):
            if character in self._choices:
                letters.append(character)
            else:
                bare = unicodedata.normalize("NFKD", character).lower()
                letters.extend(x for x in bare if x in self._choices)
        return "".join(letters)

    def save(self, path: Path | str) -> None:
        """Write the model as a compressed npz file, which appears whole or not at all.

        The same model gives the same bytes.

        Raises
        ------
        OSError
            The file cannot be written; what was there before still is.
        """
        with in_place_of(Path(path)) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(
                file,
                letters=np.array([graphone.letters for graphone in self.inventory]),
                phones=np.array([" ".join(graphone.phones) for graphone in self.inventory]),
                symbols=self.ngrams.symbols,
                n_children=self.ngrams.n_children,
                log_probs=self.ngrams.log_probs,
                log_backoffs=self.ngrams.log_backoffs,
            )

    @classmethod
    def load(cls, path: Path | str) -> G2P:
        """Read a model that ``save`` wrote.

        Raises
        ------
        InputError
            There is no such file.
        FormatError
            The file is no grapheme-to-phoneme model.
        """
        try:
            with open(path, "rb") as stream, np.lib.npyio.NpzFile(stream) as file:
                inventory = tuple(
                    Graphone(letters, tuple(phones.split()))
                    for letters, phones in zip(file["letters"].tolist(), file["phones"].tolist())
                )
                ngrams = BackoffModel(
                    file["symbols"], file["n_children"], file["log_probs"], file["log_backoffs"]
                )
        except FileNotFoundError:
            raise InputError(f"{path}: no such grapheme-to-phoneme model") from None
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile, AttributeError) as error:
            raise FormatError(
                f"{path}: not a grapheme-to-phoneme model ({error}); train it again"
            ) from error
        return cls(inventory, ngrams)


def train_g2p(
    lexicon: Iterable[tuple[str, tuple[str, ...]]],
    *,
    order: int = 7,
    threshold: float = 3e-8,
    min_count: int = 2,
) -> G2P:
    """Learn to pronounce from a pronunciation dictionary, in any script.

    Parameters
    ----------
    lexicon : Iterable[tuple[str, tuple[str, ...]]]
        Spelling and phones; a word may come several times. The order does not matter, and nothing
        is drawn at random.
    order : int
        Longest graphone n-gram.
    threshold : float
        What pruning may lose for each n-gram, see `train_backoff_model`; 0 keeps all of them.
    min_count : int
        Graphones rarer than this are not used, see `align_graphones`; for a large dictionary,
        more makes a smaller and faster model.

    Returns
    -------
    G2P

    Raises
    ------
    InputError
        An entry has no letter or no phone, a phone holds white space, or no entry can be used.
    """
    entries = sorted({(_letters(word), tuple(phones)) for word, phones in lexicon})
    for word, phones in entries:
        if not word or not phones or any(len(phone.split()) != 1 for phone in phones):
            raise InputError(
                f"lexicon: {word!r} with phones {phones}: expected at least one letter and one "
                "phone, and no white space in a phone; remove or repair the entry"
            )
    aligned = align_graphones(entries, min_count=min_count)
    n = len(aligned.inventory)
    sequences = ((n, *sequence, n + 1) for sequence in aligned.sequences)
    ngrams = train_backoff_model(sequences, n + 2, order=order, threshold=threshold)
    return G2P(aligned.inventory, ngrams)


def train_on_dictionary(
    dictionary: Mapping[str, tuple[tuple[str, ...], ...]],
    *,
    order: int = 7,
    threshold: float = 3e-8,
    min_count: int | None = None,
) -> G2P:
    """Learn to pronounce from all words of a dictionary.

    Parameters
    ----------
    dictionary : Mapping[str, tuple[tuple[str, ...], ...]]
        Pronunciations by word.
    order, threshold
        As for `train_g2p`.
    min_count : int, optional
        Least count of a graphone that is used (default: 1, and 7 more for every 100,000 words).

    Returns
    -------
    G2P

    Raises
    ------
    InputError
        No word can be used.
    """
    pairs = ((word, phones) for word, variants in dictionary.items() for phones in variants)
    if min_count is None:
        min_count = 1 + len(dictionary) * 7 // 100_000
    return train_g2p(pairs, order=order, threshold=threshold, min_count=min_count)


def _letters(word: str) -> str:
    """Return a word in lower case, composed characters where Unicode has them."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", word).lower())


def _best(beam: _Beam) -> _Beam:
    """Keep the best partial pronunciations.

    One with a phone is always among them, so that no word ends up silent.
    """
    ranked = sorted(beam.items(), key=lambda item: (-item[1], item[0]))
    floor = ranked[0][1] - _MARGIN if ranked else 0.0
    best = dict(item for item in ranked[:_BEAM] if item[1] > floor)
    if not any(phones for _, phones in best):
        best.update([item for item in ranked if item[0][1]][:1])
    return best
