"""HMM-GMM: phones of three states, each a mixture of Gaussians over MFCC; a model is a folder.

=================== ==========================================================================
``model.json``      kind, language, licence, phones, silence and noise, weights, what the features
                    are, version of speechalign
``parameters.npz``  means, variances and weights of the Gaussians (see `Mixtures`), probability of
                    staying in each state; no pickled objects
``dictionary.txt``  word, probability where the corpus told it, phones; MFA's format
``g2p.npz``         what pronounces other words, where that is not one of speechalign's own ways
others              for people: the model card, the report of the training
=================== ==========================================================================
"""

from __future__ import annotations

import json
import math
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from speechalign import __version__
from speechalign.checks import check_waveforms
from speechalign.emissions import Emissions
from speechalign.errors import FormatError, InputError
from speechalign.frames import FrameGrid
from speechalign.graphs import Graph, HmmUnit, hmm_graph
from speechalign.kernels.gaussian_mixture import STATES
from speechalign.models import DESCRIPTION, PhoneSpan
from speechalign.models.folders import replacing_folder
from speechalign.models.mixtures import Mixtures
from speechalign.models.sphinx_features import SAMPLE_RATE, STRIDE, sphinx_features
from speechalign.vocabulary import Vocabulary

KIND = "hmm-gmm"
PARAMETERS = "parameters.npz"
DICTIONARY = "dictionary.txt"
G2P = "g2p.npz"
# What the features of a saved model are; there is one front end.
_FEATURES = {
    "front end": "sphinx: 13 cepstra, first and second differences",
    "normalisation": "mean of the utterance",
    "sample rate": SAMPLE_RATE,
    "stride": STRIDE,
}
_VERSION = 1

Variants = tuple[tuple[str, ...], ...]


class HmmGmm:
    """An HMM-GMM of phones of three states in a row, each with a loop, none skipped.

    Parameters
    ----------
    name, language, licence : str
        As `Model` has them.
    phones : Sequence[str]
        P units, ``silence`` and ``noise`` among them; states 3p to 3p + 2 belong to phone p.
    silence, noise : str
        As `PhoneModel` has them.
    mixtures : Mixtures
        Of the 3P states.
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
        Numbers of phones, states and probabilities do not match, or a name is not among the phones.
    """

    aligner = "phones"
    sample_rate = SAMPLE_RATE
    grid = FrameGrid(SAMPLE_RATE, STRIDE)
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
        mixtures: Mixtures,
        stay: np.ndarray,
        dictionary: Mapping[str, Variants],
        variant_priors: Mapping[Variants, tuple[float, ...]],
        silence_probability: float,
        acoustic_scale: float,
        calibration: tuple[float, float],
        pronunciation: str | None = None,
    ) -> None:
        if mixtures.num_states != STATES * len(phones) or stay.shape != (len(phones), STATES):
            raise InputError(
                f"{name}: expected {STATES} states and {STATES} probabilities for each of "
                f"{len(phones)} phones, got {mixtures.num_states} and shape {stay.shape}"
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
        self.mixtures = mixtures
        self.stay = stay
        self.dictionary = dictionary
        self.variant_priors = variant_priors
        self.silence_probability = silence_probability
        self.acoustic_scale = acoustic_scale
        self.calibration = calibration
        self.pronunciation = pronunciation
        self.vocabulary = Vocabulary(
            [f"{phone}.{state}" for phone in self.phones for state in range(STATES)]
        )
        log_stay, log_leave = np.log(stay), np.log1p(-stay)
        self.units = {
            phone: HmmUnit(
                tuple(range(p * STATES, (p + 1) * STATES)), tuple(log_stay[p]), tuple(log_leave[p])
            )
            for p, phone in enumerate(self.phones)
        }

    def estimated(
        self,
        *,
        mixtures: Mixtures,
        name: str | None = None,
        stay: np.ndarray | None = None,
        variant_priors: Mapping[Variants, tuple[float, ...]] | None = None,
        silence_probability: float | None = None,
        calibration: tuple[float, float] | None = None,
    ) -> HmmGmm:
        """Return the same model with other parameters; those that are None stay as they are."""
        return HmmGmm(
            name=self.name if name is None else name,
            language=self.language,
            licence=self.licence,
            phones=self.phones,
            silence=self.silence,
            noise=self.noise,
            mixtures=mixtures,
            stay=self.stay if stay is None else stay,
            dictionary=self.dictionary,
            variant_priors=self.variant_priors if variant_priors is None else variant_priors,
            silence_probability=(
                self.silence_probability if silence_probability is None else silence_probability
            ),
            acoustic_scale=self.acoustic_scale,
            calibration=self.calibration if calibration is None else calibration,
            pronunciation=self.pronunciation,
        )

    def describe(self) -> Mapping[str, str]:
        """Return the numbers of states, Gaussians and words, and the phones."""
        return {
            "states": str(len(self.vocabulary)),
            "Gaussians": str(self.mixtures.num_gaussians),
            "phones": " ".join(self.phones),
            "words in the dictionary": str(len(self.dictionary)),
            "other words": self.pronunciation or "any sound",
        }

    def emit(self, waveforms: np.ndarray, lengths: np.ndarray) -> Emissions:
        """Score every state on every frame, as `EmittingModel.emit` says; a frame is 10 ms."""
        check_waveforms(waveforms, lengths)
        frames = np.array([self.grid.count(int(length)) for length in lengths], np.int64)
        shape = (len(lengths), int(frames.max(initial=0)), len(self.vocabulary))
        log_probs = np.full(shape, -np.inf, np.float32)
        states = np.arange(len(self.vocabulary))
        for b, length in enumerate(lengths):
            samples = waveforms[b, :length]
            log_probs[b, : frames[b]] = self.mixtures.log_likelihoods(
                sphinx_features(samples), states
            )
        return Emissions(log_probs, frames, self.grid, self.vocabulary, normalised=False)

    def graph(self, words: Sequence[Sequence[Sequence[str]]]) -> Graph:
        """Build the graph of words, given each word's pronunciations as phone names."""
        spelt = [[[self.units[p] for p in phones] for phones in variants] for variants in words]
        priors = [
            self.variant_priors.get(tuple(map(tuple, variants)), (0.0,) * len(variants))
            for variants in words
        ]
        return hmm_graph(
            spelt,
            variant_weights=priors,
            silence=self.units[self.silence],
            silence_probability=self.silence_probability,
        )

    def chain(self, phones: Sequence[str]) -> Graph:
        """Build the graph of one fixed sequence of phones and pauses, each an item of its own."""
        return hmm_graph([[[self.units[phone]]] for phone in phones])

    def spans(self, graph: Graph, arcs: np.ndarray) -> list[PhoneSpan]:
        """Cut a (T,) path through ``graph`` into phones and pauses."""
        entered = (graph.sources[arcs] != graph.targets[arcs]) & (graph.labels[arcs] % STATES == 0)
        begins = np.flatnonzero(entered)
        ends = np.append(begins[1:], len(arcs))
        return [
            PhoneSpan(
                self.phones[graph.labels[arcs[begin]] // STATES],
                int(graph.positions[arcs[begin]]),
                int(begin),
                int(end),
            )
            for begin, end in zip(begins, ends)
        ]

    def save(self, folder: Path, *, texts: Mapping[str, str]) -> None:
        """Write the model; a model of that name is replaced once all is written.

        Parameters
        ----------
        folder : Path
            Where to.
        texts : Mapping[str, str]
            File name to content, for people: ``MODEL_CARD.md`` and the like.

        Raises
        ------
        InputError
            ``folder`` holds something other than a model.
        OSError
            The files cannot be written; what was there before is still there.
        """
        g2p = self.pronunciation
        if g2p is not None and Path(g2p).suffix != ".npz":
            g2p = None
        description = {
            "kind": KIND,
            "format": _VERSION,
            "name": self.name,
            "language": self.language,
            "licence": self.licence,
            "features": _FEATURES,
            "states per phone": STATES,
            "phones": list(self.phones),
            "silence": self.silence,
            "noise": self.noise,
            "silence probability": self.silence_probability,
            "acoustic scale": self.acoustic_scale,
            "calibration": list(self.calibration),
            "pronunciation": self.pronunciation if g2p is None else G2P,
            "speechalign": __version__,
        }
        with replacing_folder(folder) as temporary:
            np.savez(
                temporary / PARAMETERS,
                means=self.mixtures.means,
                variances=self.mixtures.variances,
                weights=self.mixtures.weights,
                stream_weights=self.mixtures.stream_weights,
                stay=self.stay,
            )
            (temporary / DICTIONARY).write_text(self._dictionary_text(), encoding="utf-8")
            if g2p is not None:
                shutil.copyfile(g2p, temporary / G2P)
            for name, text in texts.items():
                (temporary / name).write_text(text, encoding="utf-8")
            text = json.dumps(description, ensure_ascii=False, indent=2)
            (temporary / DESCRIPTION).write_text(text + "\n", encoding="utf-8")

    def _dictionary_text(self) -> str:
        lines = []
        for word, variants in self.dictionary.items():
            priors = self.variant_priors.get(variants)
            for i, phones in enumerate(variants):
                probability = [] if priors is None else [repr(math.exp(priors[i]))]
                lines.append("\t".join([word, *probability, " ".join(phones)]) + "\n")
        return "".join(lines)


def load(folder: Path) -> HmmGmm:
    """Load a model from its folder.

    Raises
    ------
    FormatError
        A file is missing, damaged, or of a later version.
    """
    path = folder / DESCRIPTION
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        if described["format"] != _VERSION or described["features"] != _FEATURES:
            raise FormatError(
                f"{path}: written by speechalign {described['speechalign']}, whose models have "
                "other features; update speechalign, or train again"
            )
        path = folder / PARAMETERS
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            mixtures = Mixtures(
                *(arrays[name].astype(np.float32)
                  for name in ("means", "variances", "weights", "stream_weights"))
            )  # fmt: skip
            stay = arrays["stay"].astype(np.float64)
        path = folder / DICTIONARY
        dictionary, variant_priors = _read_dictionary(path)
        path = folder / DESCRIPTION
        slope, intercept = described["calibration"]
        pronunciation = described["pronunciation"]
        return HmmGmm(
            name=described["name"],
            language=described["language"],
            licence=described["licence"],
            phones=described["phones"],
            silence=described["silence"],
            noise=described["noise"],
            mixtures=mixtures,
            stay=stay,
            dictionary=dictionary,
            variant_priors=variant_priors,
            silence_probability=described["silence probability"],
            acoustic_scale=described["acoustic scale"],
            calibration=(slope, intercept),
            pronunciation=str(folder / G2P) if pronunciation == G2P else pronunciation,
        )
    except FormatError:
        raise
    except OSError as error:
        raise FormatError(f"{path}: {error.strerror}; copy the model again") from None
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise FormatError(f"{path}: damaged ({error}); copy the model again") from None


def _read_dictionary(
    path: Path,
) -> tuple[dict[str, Variants], dict[Variants, tuple[float, ...]]]:
    """Return the pronunciations by word, and the log-priors by pronunciations."""
    entries: dict[str, list[tuple[str, ...]]] = {}
    known: dict[str, list[float]] = {}
    for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
        word, *numbers, phones = line.split("\t")
        entries.setdefault(word, []).append(tuple(phones.split(" ")))
        if numbers:
            known.setdefault(word, []).append(math.log(float(numbers[0])))
    dictionary = {word: tuple(variants) for word, variants in entries.items()}
    return dictionary, {dictionary[word]: tuple(priors) for word, priors in known.items()}
