"""NeuralHmm: phones of three states, scored by the posteriors of a network."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from speechalign.checks import check_waveforms
from speechalign.emissions import Emissions
from speechalign.errors import InputError
from speechalign.frames import FrameGrid
from speechalign.kernels.gaussian_mixture import STATES
from speechalign.models.content import content_hash
from speechalign.models.neural_hmm.log_mel import SAMPLE_RATE, STRIDE, log_mel, state_of_frames
from speechalign.models.neural_hmm.phone_net import PhoneNet
from speechalign.models.phone_hmm import PhoneHmm, PhoneHmmParameters
from speechalign.models.spread import Spread

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from speechalign.models.neural_hmm.encoder import Encoder, EncoderFacts


class NeuralHmm(PhoneHmm):
    """A hybrid HMM: the three states of a phone share the score of a network.

    The score of phone p in a frame is ``log posterior(p) - prior_weight * log prior(p)`` [1]_.

    Parameters
    ----------
    net : PhoneNet
        The network, over mel bands and the states of an encoder where it has one.
    log_priors : ndarray, shape (P,), float64
        Natural logarithm of each phone's share of the frames that the network was trained on.
    prior_weight : float
        How much of the prior is taken out, at least 0.
    facts : EncoderFacts or None
        Of the encoder that the network was trained on; None for a network without.
    **shared
        What `PhoneHmm` takes.

    Raises
    ------
    InputError
        Numbers of phones do not match.

    References
    ----------
    .. [1] H. Bourlard and N. Morgan, "Connectionist Speech Recognition: A Hybrid Approach", 1994.
    """

    sample_rate = SAMPLE_RATE
    grid = FrameGrid(SAMPLE_RATE, STRIDE)

    # By tools/tune_intervals.py, on emodb-dev.
    spread = Spread(((0.700, 0.0039), (0.300, 0.0284)), stretch=1.03, power=0.60)

    def __init__(
        self,
        *,
        net: PhoneNet,
        log_priors: np.ndarray,
        prior_weight: float,
        facts: EncoderFacts | None = None,
        **shared: Unpack[PhoneHmmParameters],
    ) -> None:
        super().__init__(**shared)
        for what, count in (("outputs", net.phones), ("priors", len(log_priors))):
            if count != self.outputs:
                raise InputError(f"{self.name}: expected {self.outputs} {what}, got {count}")
        width = 0 if facts is None else facts.width
        if net.config.encoder_width != width:
            raise InputError(
                f"{self.name}: expected {net.config.encoder_width} values a frame of an encoder, "
                f"got {width}"
            )
        self.net = net
        self.log_priors = log_priors
        self.prior_weight = prior_weight
        self.facts = facts
        self.encoder: Encoder | None = None

    @property
    def outputs(self) -> int:
        """Number of outputs of the network: one for each phone."""
        return len(self.phones)

    def with_encoder(self, encoder: Encoder) -> NeuralHmm:
        """Return the same model with its encoder; InputError for another than it was trained on."""
        if self.facts is None:
            raise InputError(f"{self.name}: takes no encoder, as it has a network of its own")
        self.facts.check(encoder.facts, name=self.name)
        model = copy.copy(self)
        model.encoder = encoder
        return model

    def with_network(
        self, net: PhoneNet, log_priors: np.ndarray, *, name: str | None = None
    ) -> NeuralHmm:
        """Return the same model with another network of the same size, its priors, and a name."""
        model = copy.copy(self)
        model.net, model.log_priors = net, log_priors
        model.name = self.name if name is None else name
        return model

    @property
    def content_hash(self) -> str:
        """Hash of network and encoder, and of the dictionary and what pronounces other words."""
        return content_hash(
            *(part for name in sorted(self.net.weights) for part in (name, self.net.weights[name])),
            *(self.net.config, self.log_priors, self.prior_weight),
            None if self.encoder is None else self.encoder.content_hash,
            *self.shared_content,
        )

    def describe(self) -> Mapping[str, str]:
        """Return the sizes of network and encoder, and the phones."""
        config = self.net.config
        size = sum(values.size for values in self.net.weights.values())
        reach = config.reach * 1000 * STRIDE // SAMPLE_RATE
        return {
            "network": f"{size} parameters, {len(config.dilations)} blocks of {config.channels} "
            f"channels, {reach} ms of context on each side",
            **({"encoder": "none"} if self.encoder is None else self.encoder.describe()),
            "phones": " ".join(self.phones),
            "words in the dictionary": str(len(self.dictionary)),
            "other words": self.pronunciation or "any sound",
        }

    def log_posteriors(self, samples: np.ndarray) -> np.ndarray:
        """Return the natural-log posterior of each phone, (T, P) float32, of (N,) samples."""
        mels = log_mel(samples, self.net.config.bands)
        if self.facts is None:
            return self.net.log_posteriors(mels)
        if self.encoder is None:
            raise InputError(
                f"{self.name}: its encoder {self.facts.source} is not loaded; load the model with "
                "load_model, or give the encoder to with_encoder"
            )
        states = self.encoder.encode(samples)
        cells = state_of_frames(self.encoder.grid, len(mels), len(states))
        return self.net.log_posteriors(mels, states, cells)

    def emit(self, waveforms: np.ndarray, lengths: np.ndarray) -> Emissions:
        """Score every state on every frame, as `EmittingModel.emit` says; a frame is 10 ms."""
        lengths = check_waveforms(waveforms, lengths)
        frames = np.array([self.grid.count(int(length)) for length in lengths], np.int64)
        shape = (len(lengths), int(frames.max(initial=0)), len(self.vocabulary))
        scores = np.full(shape, -np.inf, np.float32)
        for b, length in enumerate(lengths):
            found = self.log_posteriors(waveforms[b, :length])
            scores[b, : frames[b]] = self.state_scores(found)
        return Emissions(scores, frames, self.grid, self.vocabulary, normalised=False)

    def state_scores(self, log_posteriors: np.ndarray) -> np.ndarray:
        """Return the (T, 3P) scores of the states, given (T, P) log posteriors; float32."""
        taken = (self.prior_weight * self.log_priors).astype(np.float32)
        return np.repeat(log_posteriors - taken, STATES, axis=1)
