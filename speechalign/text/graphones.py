"""Graphones: which letters of a word make which of its phones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from speechalign.errors import InputError

# letters and phones of a graphone; each takes a letter, so that a word has finitely many readings
_SIZES = ((1, 1), (1, 0), (1, 2), (2, 1))


@dataclass(frozen=True)
class Graphone:
    """A piece of spelling and the sound it makes.

    Parameters
    ----------
    letters : str
        One or two letters.
    phones : tuple[str, ...]
        At most two phones; empty for silent letters.
    """

    letters: str
    phones: tuple[str, ...]


@dataclass(frozen=True)
class GraphoneAlignment:
    """Words cut into graphones.

    Parameters
    ----------
    inventory : tuple[Graphone, ...]
        The graphones in use, sorted; every letter has one that sounds.
    sequences : tuple[tuple[int, ...], ...]
        For each word that could be cut, positions in the inventory.
    """

    inventory: tuple[Graphone, ...]
    sequences: tuple[tuple[int, ...], ...]


@dataclass
class _Batch:
    """Words with I letters and J phones each, and the id of every graphone they may contain.

    ``ids[size]`` has shape (B, I, J + 1): the graphone that ends after a letter and a number of
    phones, -1 where there is none.
    """

    ids: dict[tuple[int, int], np.ndarray]


def align_graphones(
    lexicon: Sequence[tuple[str, tuple[str, ...]]], *, iterations: int = 10, min_count: int = 2
) -> GraphoneAlignment:
    """Cut every word of a lexicon into graphones by expectation maximisation.

    Parameters
    ----------
    lexicon : Sequence[tuple[str, tuple[str, ...]]]
        Spelling and phones, neither of them empty.
    iterations : int
        Rounds of expectation maximisation.
    min_count : int
        A graphone that the best cuts use less often is dropped, and words are cut without it;
        except the commonest sounding one of each letter.

    Returns
    -------
    GraphoneAlignment
        A word that graphones of these sizes cannot spell (more than two phones a letter, such as
        ``w`` read as "double u") is left out.

    Raises
    ------
    InputError
        No word can be cut, or no cut is left with this ``min_count``.

    Notes
    -----
    Graphones have one letter and up to two phones, or two letters and one phone. Each word's
    likelihood is a sum over its cuts, of the product of the graphones' probabilities [1]_, [2]_;
    forward-backward gives expected counts, whose relative frequencies are the next probabilities.

    References
    ----------
    .. [1] M. Bisani and H. Ney, "Joint-sequence models for grapheme-to-phoneme conversion",
       Speech Communication 50(5), 2008, eq. 13-18.
    .. [2] S. Jiampojamarn, G. Kondrak and T. Sherif, "Applying many-to-many alignments and hidden
       Markov models to letter-to-phoneme conversion", Proc. NAACL-HLT, 2007, section 3.
    """
    graphones, batches = _batches(lexicon)
    n = len(graphones)
    if not n:
        raise InputError(
            f"lexicon: expected words with at most 2 phones a letter, found none among "
            f"{len(lexicon)}; check its columns"
        )
    # so that at first all cuts of a word are equally likely, and few large pieces no better
    log_probs = np.array([-np.log(n) * len(graphone.letters) for graphone in graphones])
    for _ in range(iterations):
        counts = np.zeros(n)
        for batch in batches:
            _expect(batch, log_probs, counts)
        log_probs = _log_frequencies(counts)
    used = np.zeros(n, np.int64)
    for batch in batches:
        for cut in _best_cuts(batch, log_probs):
            np.add.at(used, cut, 1)
    sounding = _commonest_sounding(graphones, counts)
    keep = used >= min_count
    keep[sounding] = True
    log_probs[~keep] = -np.inf
    inventory = sorted((graphones[i].letters, graphones[i].phones) for i in np.flatnonzero(keep))
    place = {entry: position for position, entry in enumerate(inventory)}
    new = [place.get((g.letters, g.phones), -1) for g in graphones]
    sequences = [
        tuple(new[i] for i in cut) for batch in batches for cut in _best_cuts(batch, log_probs)
    ]
    if not sequences:
        raise InputError(
            f"lexicon: with min_count={min_count} no word can be cut into graphones; give more "
            "words or a lower min_count"
        )
    return GraphoneAlignment(tuple(Graphone(*entry) for entry in inventory), tuple(sequences))


def _log_frequencies(counts: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        log_probs: np.ndarray = np.log(counts / counts.sum())
    return log_probs


def _commonest_sounding(graphones: list[Graphone], counts: np.ndarray) -> list[int]:
    """Return, for each letter, its most expected graphone with a phone."""
    best: dict[str, int] = {}
    for i, graphone in enumerate(graphones):
        if len(graphone.letters) == 1 and graphone.phones:
            kept = best.setdefault(graphone.letters, i)
            if counts[i] > counts[kept]:
                best[graphone.letters] = i
    return list(best.values())


def _batches(
    lexicon: Sequence[tuple[str, tuple[str, ...]]],
) -> tuple[list[Graphone], list[_Batch]]:
    """Group the words by size, and number the graphones that they may contain."""
    letters = sorted({letter for word, _ in lexicon for letter in word})
    phones = sorted({phone for _, pronunciation in lexicon for phone in pronunciation})
    letter_ids = {letter: i for i, letter in enumerate(letters, 1)}  # 0: none
    phone_ids = {phone: i for i, phone in enumerate(phones, 1)}
    n_letters, n_phones = len(letters) + 1, len(phones) + 1
    groups = defaultdict(list)
    for word, pronunciation in lexicon:
        if len(pronunciation) <= 2 * len(word):
            key = (len(word), len(pronunciation))
            row = [letter_ids[x] for x in word] + [phone_ids[x] for x in pronunciation]
            groups[key].append(row)
    codes = []
    for (n, _), rows in sorted(groups.items()):
        table = np.array(rows)
        spelling, sound = table[:, :n], table[:, n:]
        codes.append({size: _codes(spelling, sound, size, n_letters, n_phones) for size in _SIZES})
    if not codes:
        return [], []
    every = np.unique(np.concatenate([np.unique(c) for group in codes for c in group.values()]))
    every = every[every >= 0]
    graphones = []
    for code in every.tolist():
        code, second = divmod(code, n_phones)
        code, first = divmod(code, n_phones)
        before, last = divmod(code, n_letters)
        spelling_of = (letters[before - 1] if before else "") + letters[last - 1]
        sound_of = tuple(phones[i - 1] for i in (first, second) if i)
        graphones.append(Graphone(spelling_of, sound_of))
    batches = [
        _Batch(
            {
                size: np.where(c >= 0, np.searchsorted(every, c), -1).astype(np.int32)
                for size, c in group.items()
            }
        )
        for group in codes
    ]
    return graphones, batches


def _codes(
    spelling: np.ndarray,
    sound: np.ndarray,
    size: tuple[int, int],
    n_letters: int,
    n_phones: int,
) -> np.ndarray:
    """Number what a graphone of this size would hold at each place, -1 where it does not fit."""
    n_spelt, n_sounded = size
    (b, i), j = spelling.shape, sound.shape[1]
    before = np.zeros((b, i), np.int64)
    if n_spelt == 2:
        before[:, 1:] = spelling[:, :-1]
    chunk = before * n_letters + spelling
    heard = np.zeros((b, j + 1), np.int64)
    if n_sounded == 1:
        heard[:, 1:] = sound * n_phones
    if n_sounded == 2:
        heard[:, 2:] = sound[:, :-1] * n_phones + sound[:, 1:]
    codes: np.ndarray = chunk[:, :, None] * n_phones**2 + heard[:, None, :]
    codes[:, : n_spelt - 1, :] = -1
    codes[:, :, :n_sounded] = -1
    return codes


def _scores(batch: _Batch, log_probs: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    padded = np.append(log_probs, -np.inf)  # id -1
    return {size: padded[ids] for size, ids in batch.ids.items()}


def _expect(batch: _Batch, log_probs: np.ndarray, counts: np.ndarray) -> None:
    """Add the posterior count of every graphone in a batch."""
    scores = _scores(batch, log_probs)
    b, n, m = scores[1, 1].shape
    alpha = np.full((n + 1, b, m), -np.inf)
    alpha[0, :, 0] = 0
    for i in range(n):
        for (spelt, sounded), score in scores.items():
            if spelt <= i + 1:
                reached = alpha[i + 1 - spelt, :, : m - sounded] + score[:, i, sounded:]
                alpha[i + 1, :, sounded:] = np.logaddexp(alpha[i + 1, :, sounded:], reached)
    beta = np.full((n + 1, b, m), -np.inf)
    beta[n, :, -1] = 0
    for i in range(n - 1, -1, -1):
        for (spelt, sounded), score in scores.items():
            if i + spelt <= n:
                left = beta[i + spelt, :, sounded:] + score[:, i + spelt - 1, sounded:]
                beta[i, :, : m - sounded] = np.logaddexp(beta[i, :, : m - sounded], left)
    total = alpha[n, :, -1]
    possible = np.isfinite(total)
    shift = np.where(possible, total, np.inf)[:, None, None]
    for (spelt, sounded), score in scores.items():
        before = alpha[: n + 1 - spelt, :, : m - sounded].transpose(1, 0, 2)
        after = beta[spelt:, :, sounded:].transpose(1, 0, 2)
        posterior = np.exp(before + score[:, spelt - 1 :, sounded:] + after - shift)
        ids = batch.ids[spelt, sounded][:, spelt - 1 :, sounded:]
        counts += np.bincount(ids.ravel(), posterior.ravel(), counts.size)


def _best_cuts(batch: _Batch, log_probs: np.ndarray) -> Iterator[list[int]]:
    """Yield the graphone ids of the most probable cut of each word that has one."""
    scores = _scores(batch, log_probs)
    b, n, m = scores[1, 1].shape
    best = np.full((n + 1, b, m), -np.inf)
    best[0, :, 0] = 0
    taken = np.full((n + 1, b, m), -1, np.int8)
    for i in range(n):
        for choice, (spelt, sounded) in enumerate(_SIZES):
            if spelt <= i + 1:
                reached = best[i + 1 - spelt, :, : m - sounded]
                reached = reached + scores[spelt, sounded][:, i, sounded:]
                better = reached > best[i + 1, :, sounded:]
                best[i + 1, :, sounded:][better] = reached[better]
                taken[i + 1, :, sounded:][better] = choice
    for word in np.flatnonzero(np.isfinite(best[n, :, -1])):
        i, j = n, m - 1
        cut = []
        while i:
            spelt, sounded = _SIZES[taken[i, word, j]]
            cut.append(int(batch.ids[spelt, sounded][word, i - 1, j]))
            i, j = i - spelt, j - sounded
        yield cut[::-1]
