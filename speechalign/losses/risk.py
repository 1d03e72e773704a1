"""Hypotheses of a batch: which are distinct, and how many errors to expect of them."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor


def distinct(utterances: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the place of the first of each kind of row (P, K) of an utterance (P,), ascending."""
    both = np.column_stack([utterances, rows])
    return np.sort(np.unique(both, axis=0, return_index=True)[1])


def expected_risk(
    scores: Tensor, errors: np.ndarray, utterances: np.ndarray, *, batch: int, scale: float
) -> Tensor:
    """Return the mean of the errors (P,) of each utterance, weighted by softmax(scale * scores).

    ``scores`` (P,) has a gradient; so has the mean (B,), float64. ``utterances`` (P,) ascends; one
    that is not among them has +inf.
    """
    firsts = np.searchsorted(utterances, np.arange(batch))
    places = np.arange(len(utterances)) - firsts[utterances]
    shape = batch, int(places.max(initial=0)) + 1
    where = torch.from_numpy(utterances * shape[1] + places).to(scores.device)
    padded = scores.new_full((batch * shape[1],), -math.inf, dtype=torch.float64)
    padded = padded.index_copy(0, where, scores.double()).view(shape)
    risks = padded.new_zeros(batch * shape[1])
    risks[where] = torch.from_numpy(errors).to(risks)
    risk = ((scale * padded).softmax(1) * risks.view(shape)).sum(1)
    return torch.where(padded[:, 0] > -math.inf, risk, torch.full_like(risk, math.inf))
