"""Training objective: a weighted sum of named losses, on augmented features."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import signature
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, distributed, nn

from recipes.trainer.state_head import StateHead
from speechalign.errors import InputError
from speechalign.losses.awp import awp_loss
from speechalign.losses.ctc import ctc_loss
from speechalign.losses.expected_risk import expected_risk_loss
from speechalign.losses.label_priors import LabelPriors
from speechalign.losses.properties import PROPERTIES
from speechalign.models.ctc.conv_net import ConvCTCNet

PRIOR_STEPS = 50
_AWP_KEYWORDS = ("samples", "margin", "temperature")
_OURS = (
    "blank", "seed", "reduction", "log_priors", "targets", "target_lengths", "words", "backend"
)  # fmt: skip


class Losses(NamedTuple):
    """The weighted sum, each loss by name, and the number of transcripts with too few frames."""

    total: Tensor
    values: dict[str, float]
    infeasible: int


@dataclass(frozen=True)
class Augmentation:
    """SpecAugment without time warping [1]_: masks of frequencies and times, set to the mean.

    Parameters
    ----------
    frequency_masks, time_masks : int
        Number of masks.
    mels : int
        Largest number of filters in a frequency mask.
    share : float
        Largest share of an utterance in a time mask.

    .. [1] D. S. Park et al., "SpecAugment: A simple data augmentation method for automatic speech
       recognition", Interspeech 2019.
    """

    frequency_masks: int = 2
    mels: int = 12
    time_masks: int = 2
    share: float = 0.06

    def __call__(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Mask a batch, (B, F, M), with torch's generator."""
        bins = torch.arange(features.shape[2], device=features.device)
        times = torch.arange(features.shape[1], device=features.device)
        for _ in range(self.frequency_masks):
            limit = torch.full((len(features),), features.shape[2], device=features.device)
            hidden = _stretch(bins, limit, self.mels / features.shape[2])
            features = features.masked_fill(hidden[:, None, :], 0.0)
        for _ in range(self.time_masks):
            hidden = _stretch(times, lengths, self.share)
            features = features.masked_fill(hidden[:, :, None], 0.0)
        return features


def _stretch(positions: Tensor, limits: Tensor, share: float) -> Tensor:
    """Draw a mask, (B, N), of at most a share of each limit."""
    sizes = (torch.rand(len(limits), 1, device=limits.device) * share * limits[:, None]).long()
    room = limits[:, None] - sizes
    starts = (torch.rand(len(limits), 1, device=limits.device) * room).long()
    return (positions >= starts) & (positions < starts + sizes)


class Objective(nn.Module):
    """The weighted sum of some losses of a network's output.

    Parameters
    ----------
    net : ConvCTCNet or StateHead
        The network that is trained.
    losses : Mapping[str, Mapping[str, float]]
        For each name, ``weight`` and the keywords of the loss; with ``falls: true``, the weight
        falls to zero until the last step, as half a cosine. ``ctc`` and ``ctc:label_priors`` are
        `ctc_loss`, the latter with the label priors of the previous `PRIOR_STEPS` steps;
        ``awp:PROPERTY`` is `awp_loss`, which also takes the keywords of the property;
        ``expected_risk`` is `expected_risk_loss`.
    augmentation : Augmentation
        Masks of the features in training.
    blank : int
        Column of the blank.

    Raises
    ------
    InputError
        A loss or a keyword is unknown.
    """

    def __init__(
        self,
        net: ConvCTCNet | StateHead,
        losses: Mapping[str, Mapping[str, float]],
        *,
        augmentation: Augmentation,
        blank: int,
    ) -> None:
        super().__init__()
        self.net = net
        self.augmentation = augmentation
        self.blank = blank
        self.terms = {name: _term(name, dict(keywords)) for name, keywords in losses.items()}
        self.register_buffer("prior_sums", torch.zeros(net.symbols, dtype=torch.float64))
        self.register_buffer("prior_frames", torch.zeros((), dtype=torch.float64))
        self.register_buffer("log_priors", torch.zeros(net.symbols, dtype=torch.float64))
        self.prior_sums: Tensor
        self.prior_frames: Tensor
        self.log_priors: Tensor

    def forward(
        self,
        features: Tensor,
        lengths: Tensor,
        targets: Tensor,
        target_lengths: Tensor,
        words: Tensor | None,
        done: float = 0.0,
    ) -> Losses:
        """Return the losses of a batch of features, which are not normalised yet.

        ``done`` is the finished share of the training, with which some weights fall.
        """
        x = self.augmentation(self.net.normalise(features, lengths), lengths)
        log_probs = self.net.encode(x, lengths).float()
        frames = self.net.frames(lengths)
        values = {}
        infeasible = torch.zeros((), dtype=torch.int64)
        for name, term in self.terms.items():
            # The step's seed is torch's, so that a resumed run draws the same paths.
            if name == "expected_risk":
                value = term.loss(
                    log_probs, targets, frames, target_lengths,
                    blank=self.blank, seed=int(torch.randint(2**62, ())),
                )  # fmt: skip
            elif name.startswith("awp:"):
                seed = int(torch.randint(2**62, ()))
                value = term.loss(
                    log_probs, frames, seed=seed, blank=self.blank,
                    targets=targets, target_lengths=target_lengths,
                    words=None if term.separated else words,
                )  # fmt: skip
            else:
                priors = self.log_priors if name == "ctc:label_priors" else None
                each = term.loss(
                    log_probs, targets, frames, target_lengths,
                    blank=self.blank, reduction="none", log_priors=priors,
                )  # fmt: skip
                # +inf, with zero gradient, where a transcript needs more frames than there are.
                infeasible = each.isinf().sum()
                each = torch.where(each.isinf(), 0.0, each)
                value = (each / target_lengths.clamp(min=1)).mean()
            values[name] = value
        if "ctc:label_priors" in self.terms:
            counted = LabelPriors(self.net.symbols)
            counted.update(log_probs.detach().cpu(), frames.cpu())
            sums = torch.cat([counted.sums, counted.frames[None]]).to(self.prior_sums.device)
            if distributed.is_initialized():
                distributed.all_reduce(sums)
            self.prior_sums += sums[:-1]
            self.prior_frames += sums[-1]
        total = torch.stack([self.terms[name].weight(done) * values[name] for name in values]).sum()
        return Losses(
            total, {name: float(value.detach()) for name, value in values.items()}, int(infeasible)
        )

    def after(self, step: int) -> None:
        """Update the label priors after every `PRIOR_STEPS` steps."""
        if "ctc:label_priors" in self.terms and step % PRIOR_STEPS == 0:
            counted = LabelPriors(self.net.symbols)
            counted.sums, counted.frames = self.prior_sums.cpu(), self.prior_frames.cpu()
            self.log_priors.copy_(counted.log_priors())
            self.prior_sums.zero_()
            self.prior_frames.zero_()


@dataclass(frozen=True)
class _Term:
    """A loss with its keywords bound, its weight, and whether the weight falls to zero.

    ``separated``: a label among its keywords tells where words end, so it is not given ``words``.
    """

    highest: float
    falls: bool
    loss: Callable[..., Tensor]
    separated: bool = False

    def weight(self, done: float) -> float:
        """Return the weight after a share of the training."""
        return self.highest * (0.5 * (1 + math.cos(math.pi * done)) if self.falls else 1)


def _term(name: str, keywords: dict[str, Any]) -> _Term:
    """Bind the keywords of a loss; InputError names an unknown name or keyword."""
    kind, _, option = name.partition(":")
    weight = keywords.pop("weight", 1.0), bool(keywords.pop("falls", False))
    if kind == "awp" and option in PROPERTIES:
        improve = cast(Callable[..., np.ndarray], PROPERTIES[option])
        own = {k: keywords.pop(k) for k in list(keywords) if k in _AWP_KEYWORDS}
        _check_keywords(f"losses: {name}", keywords, improve)
        loss = partial(awp_loss, property=partial(improve, **keywords), **own)
        return _Term(*weight, loss, separated="separator" in keywords)
    if name in ("ctc", "ctc:label_priors"):
        _check_keywords(f"losses: {name}", keywords, ctc_loss)
        return _Term(*weight, partial(ctc_loss, **keywords))
    if name == "expected_risk":
        _check_keywords(f"losses: {name}", keywords, expected_risk_loss)
        return _Term(*weight, partial(expected_risk_loss, **keywords))
    raise InputError(
        f"losses: unknown loss {name!r}; expected ctc, ctc:label_priors, expected_risk, or awp: "
        "and one of "
        f"{', '.join(PROPERTIES)}"
    )


def _check_keywords(
    name: str, keywords: Mapping[str, float], function: Callable[..., object]
) -> None:
    known = [
        parameter.name
        for parameter in signature(function).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.name not in _OURS
    ]
    for keyword in keywords:
        if keyword not in known:
            raise InputError(
                f"{name}: unknown key {keyword!r}; expected weight, falls, {', '.join(known)}"
            )
