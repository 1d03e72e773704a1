"""ArticulatoryHmm: phones of any language, scored by the attributes that a network predicts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np

from speechalign.kernels.gaussian_mixture import STATES
from speechalign.models.content import content_hash
from speechalign.models.neural_hmm.model import NeuralHmm
from speechalign.models.neural_hmm.phone_net import PhoneNet
from speechalign.models.phone_hmm import PhoneHmmParameters
from speechalign.models.spread import Spread
from speechalign.text.articulation import (
    ATTRIBUTES,
    COLUMNS,
    SILENCE,
    Target,
    articulation,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from speechalign.models.neural_hmm.encoder import EncoderFacts

BACKGROUND = (*"pbtdkɡʔmnŋfvszʃxhlrjwiyeɛaɑɔouə",)
"""Phones that compete with those of an utterance for the confidence of its words."""
_FLOOR = 1e-6
_SHORTEST = 0.3  # probability of repeating a state


class ArticulatoryHmm(NeuralHmm):
    """An HMM whose phones are IPA symbols: it has any phone, and learns none.

    The network predicts articulatory attributes (`speechalign.text.articulation.ATTRIBUTES`), each
    by a softmax of its own. A state of a phone that may have the values S(g) of attribute g scores

        sum over g of  log sum_{v in S(g)} p(v) - prior_weight * log sum_{v in S(g)} prior(v)

    with p(v) proportional to the network's output to the power of 1 / temperature, in a frame [1]_
    [2]_. The states have the targets of the phone in order of time; where there are two, as in a
    diphthong, the middle state has either. A phone without a mark of palatalisation may be
    palatalised.

    `with_phones` returns a model with the phones of an utterance; the loaded model has silence and
    noise only.

    Parameters
    ----------
    net : PhoneNet
        Its outputs are `speechalign.text.articulation.COLUMNS`.
    log_priors : ndarray, shape (A,), float64
        Natural logarithm of the share of each value in the training data.
    prior_weight : float
        How much of the prior is taken out, at least 0.
    temperature : float
        Above 1, the distributions of the attributes are flatter than the network has them: it is
        too sure of sounds that are not in its training data.
    durations : Mapping[str, float]
        Mean duration of phones of each manner, in frames of 10 ms.
    facts : EncoderFacts or None
        As `NeuralHmm` has it.
    **shared
        As `PhoneHmm` has them.

    References
    ----------
    .. [1] T. Schultz and A. Waibel, "Language-independent and language-adaptive acoustic modeling
       for speech recognition", Speech Communication, 2001.
    .. [2] F. Metze, "Articulatory Features for Conversational Speech Recognition", PhD thesis,
       Universität Karlsruhe, 2005: attributes as streams.
    """

    # By tools/tune_intervals.py, on emodb-dev.
    spread = Spread(((0.721, 0.0037), (0.279, 0.0270)), stretch=1.05, power=0.29)

    def __init__(
        self,
        *,
        net: PhoneNet,
        log_priors: np.ndarray,
        prior_weight: float,
        temperature: float,
        durations: Mapping[str, float],
        facts: EncoderFacts | None = None,
        **shared: Unpack[PhoneHmmParameters],
    ) -> None:
        super().__init__(
            net=net, log_priors=log_priors, prior_weight=prior_weight, facts=facts, **shared
        )
        self.temperature = temperature
        self.durations = durations

    @property
    def content_hash(self) -> str:
        """Hash of network, encoder, priors, temperature and durations."""
        return content_hash(super().content_hash, self.temperature, sorted(self.durations.items()))

    @property
    def outputs(self) -> int:
        """Number of outputs of the network: one for each value of each attribute."""
        return len(COLUMNS)

    def with_phones(self, phones: Collection[str]) -> ArticulatoryHmm:
        """Return the same model with silence, noise, these phones and the background.

        Parameters
        ----------
        phones : Collection of str
            Phones of IPA, as `articulation` reads them.

        Raises
        ------
        InputError
            A symbol is not of the IPA.
        """
        own = sorted({*phones, *BACKGROUND} - {self.silence, self.noise})
        inventory = (self.silence, self.noise, *own)
        stay = np.vstack([self.stay[:2], *(self._stay(phone) for phone in own)])
        return self._with({**self.parameters, "phones": inventory, "stay": stay})

    def with_pronunciation(self, source: str, *, language: str) -> ArticulatoryHmm:
        """Return the same model for transcripts whose words ``source`` pronounces."""
        return self._with({**self.parameters, "pronunciation": source, "language": language})

    def _with(self, parameters: PhoneHmmParameters) -> ArticulatoryHmm:
        made = ArticulatoryHmm(
            net=self.net,
            log_priors=self.log_priors,
            prior_weight=self.prior_weight,
            temperature=self.temperature,
            durations=self.durations,
            facts=self.facts,
            **parameters,
        )
        made.encoder = self.encoder
        return made

    def state_scores(self, log_posteriors: np.ndarray) -> np.ndarray:
        """Return the (T, 3P) scores of the states, given (T, A) outputs; float32."""
        allowed = self._allowed()
        scores = np.zeros((len(log_posteriors), allowed.shape[1]), np.float32)
        first = 0
        for values in ATTRIBUTES.values():
            own = slice(first, first + len(values))
            first += len(values)
            outputs = np.exp(log_posteriors[:, own] / self.temperature)
            outputs /= outputs.sum(axis=1, keepdims=True)
            prior = np.exp(self.log_priors[own])
            prior = (prior / prior.sum()) @ allowed[own]
            scores += np.log(np.maximum(outputs @ allowed[own], _FLOOR))
            scores -= (self.prior_weight * np.log(np.maximum(prior, _FLOOR))).astype(np.float32)
        return scores

    def attributes(self, samples: np.ndarray) -> dict[str, np.ndarray]:
        """Return the probability of each value of each attribute, (T, values), of (N,) samples."""
        found = np.exp(self.log_posteriors(samples))
        split = np.split(found, np.cumsum([len(v) for v in ATTRIBUTES.values()])[:-1], axis=1)
        return {
            name: part / part.sum(axis=1, keepdims=True) for name, part in zip(ATTRIBUTES, split)
        }

    def _allowed(self) -> np.ndarray:
        """Return 1 where a state may have a value, (A, 3P) float32."""
        columns = []
        for phone in self.phones:
            if phone == self.noise:
                columns += [np.ones(len(COLUMNS), np.float32)] * STATES
                continue
            targets = SILENCE.targets if phone == self.silence else articulation(phone).targets
            begin, end = _column(targets[0]), _column(targets[-1])
            middle = _column(targets[1]) if len(targets) == STATES else np.maximum(begin, end)
            columns += [begin, middle, end]
        return np.stack(columns, axis=1)

    def _stay(self, phone: str) -> np.ndarray:
        found = articulation(phone)
        usual = float(np.mean([self.durations[manner] for manner in sorted(found.manners)]))
        frames = found.length * usual
        return np.full(STATES, max(_SHORTEST, 1 - STATES / max(frames, STATES)))


def _column(target: Target) -> np.ndarray:
    """Return 1 for each value that a target may have, in the order of `COLUMNS`."""
    free = {"palatalised": frozenset(ATTRIBUTES["palatalised"])}
    allowed = target if target["palatalised"] == {"yes"} else {**target, **free}
    return np.array([value in allowed[name] for name, value in COLUMNS], np.float32)
