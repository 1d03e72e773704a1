"""Matching of text with the speech that it attends to, and the soft alignment that this gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize

from speechalign.errors import InputError
from speechalign.losses.arguments import check_reduction, reduced, within
from speechalign.losses.embeddings import check_positive, embeddings


@dataclass(frozen=True)
class SoftMatching:
    """Match of each token with the speech that it attends to.

    Parameters
    ----------
    losses : Tensor, shape (B,)
        Mean over the tokens of each utterance; differentiable.
    attention : Tensor, shape (B, M, N)
        Weights of the frames for each token, which sum to one; 0 at padding. Differentiable.
    """

    losses: Tensor
    attention: Tensor


def matching_loss(
    speech: Tensor,
    text: Tensor,
    speech_lengths: Tensor,
    text_lengths: Tensor,
    *,
    distance: Literal["squared", "cosine"] = "cosine",
    temperature: float | None = None,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> Tensor:
    """Distance of tokens from the speech that they attend to.

    A term beside the cross-entropy of a language model that listens: it draws what the adapter
    makes of the speech to the embeddings of the words.

    Parameters
    ----------
    speech : Tensor, shape (B, N, d), float32 or float64
        What the language model is given of the speech; padding is never read.
    text : Tensor, shape (B, M, d), of the same dtype
        Embeddings of the transcript's tokens, without prompts and markers; detached, where the
        language model's embeddings should not move.
    speech_lengths, text_lengths : Tensor, shape (B,), int32 or int64
        Frames and tokens of each utterance.
    distance : {"squared", "cosine"}
        Mean over d of the squared difference, with attention by scalar products; or one minus the
        cosine, with attention by cosines, which does not mind how large embeddings are.
    temperature : float or None
        What the products or cosines are divided by; None for the root of d, or 0.1.
    reduction : {"mean", "sum", "none"}
        Over the utterances.

    Returns
    -------
    Tensor, shape () or (B,)
        Mean over the tokens. 0 for an utterance without text, such as noise; inf, without
        gradient, for text without speech.

    Raises
    ------
    InputError
        A shape, dtype, length or option is wrong, the widths differ, or a value is not finite.

    Notes
    -----
    With tokens e and frames s, ``A = softmax(e s^T / temperature)`` over the frames,
    ``z = A s``, and the loss is the mean over tokens of ``|z - e|^2 / d``; or, with all rows of e
    and s scaled to length one before, of ``1 - cos(z, e)``. Embeddings of language models are so
    short that scalar products by the root of d would attend to all frames alike. That a matching
    term is of this kind is known of [1]_; its details are not published, and these are ours.

    References
    ----------
    .. [1] V. T. Pham et al., "A comprehensive solution to connect speech encoder and large
       language model for ASR", arXiv 2406.17272, 2024.

    Examples
    --------
    >>> rows, lengths = 9 * torch.eye(3)[None], torch.tensor([3])
    >>> round(float(matching_loss(rows, rows, lengths, lengths)), 4)
    0.0
    """
    check_reduction(reduction)
    found = soft_matching(
        speech, text, speech_lengths, text_lengths, distance=distance, temperature=temperature
    )
    return reduced(found.losses, reduction)


def soft_matching(
    speech: Tensor,
    text: Tensor,
    speech_lengths: Tensor,
    text_lengths: Tensor,
    *,
    distance: Literal["squared", "cosine"] = "cosine",
    temperature: float | None = None,
) -> SoftMatching:
    """Return the losses of `matching_loss` together with the attention, a soft alignment.

    The arguments and errors are those of `matching_loss`.

    Examples
    --------
    >>> text, lengths = torch.eye(2)[None], torch.tensor([2])
    >>> found = soft_matching(text.flip(1), text, lengths, lengths)
    >>> found.attention.round()
    tensor([[[0., 1.],
             [1., 0.]]])
    """
    if distance not in ("squared", "cosine"):
        raise InputError(f"distance: expected 'squared' or 'cosine', got {distance!r}")
    s, e, frames, tokens = embeddings(speech, text, speech_lengths, text_lengths)
    if distance == "cosine":
        s, e = normalize(s, dim=2), normalize(e, dim=2)
    if temperature is None:
        temperature = 0.1 if distance == "cosine" else math.sqrt(s.shape[2])
    check_positive(temperature, "temperature")
    frames, tokens = frames.to(s.device), tokens.to(s.device)
    heard, said = within(frames, s.shape[1]), within(tokens, e.shape[1])
    with torch.autocast(s.device.type, enabled=False):
        scores = e @ s.transpose(1, 2) / temperature
        # Where no frame is heard every score is 0, and the attention is masked below.
        scores = scores.masked_fill((~heard & heard.any(1, keepdim=True))[:, None], -torch.inf)
        attention = scores.softmax(2) * (heard[:, None] & said[:, :, None])
        found = attention @ s
    if distance == "squared":
        apart = (found - e).square().mean(2)
    else:
        apart = 1 - (normalize(found, dim=2) * e).sum(2)
    losses = (apart * said).sum(1) / tokens.clamp(min=1)
    losses = losses.where((tokens == 0) | (frames > 0), torch.inf)
    return SoftMatching(losses, attention)
