"""Map between tokens and speech, for the search of a monotonic path."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize

_TEMPERATURE = 0.1  # as `matching_loss` has it


def matching_map(speech: Tensor, text: Tensor, spans: Tensor, frames: int) -> Tensor:
    """Score the frames of a recording for each token of its text, and for what comes after it.

    Parameters
    ----------
    speech : Tensor, shape (N, d), floating
        What a language model is given of the speech, N at least 1.
    text : Tensor, shape (M, d), floating
        Embeddings of the tokens.
    spans : Tensor, shape (N, 2), int64
        First frame of each row of speech and the one after its last.
    frames : int
        Frames of the recording, T.

    Returns
    -------
    Tensor, shape (M + 1, T), float64
        Log of how probable each row is to be where a token is heard, the same for all its frames.
        Where there is no row, and for the last token, the end, all rows count the same.

    Notes
    -----
    For token l and row n of N: the log of the attention of `matching_loss`, softmax over n of
    cosine / 0.1, plus that of the probability that l of M successes are drawn from the
    beta-binomial distribution of N rows at row n, alpha = n / 2 and beta = (N + 1 - n) / 2: rows
    and tokens go forward together, which keeps a word that is said twice in its place. The prior
    is that of [1]_, of half its weight.

    References
    ----------
    .. [1] R. Badlani, A. Łańcucki, K. J. Shih, R. Valle, W. Ping and B. Catanzaro, "One TTS
       alignment to rule them all", Proc. ICASSP, 2022, section 2.3.
    """
    rows, tokens = len(speech), len(text)
    cosines = normalize(text.double(), dim=1) @ normalize(speech.double(), dim=1).T
    attention = (cosines / _TEMPERATURE).log_softmax(1)
    even = attention.new_full((1, rows), -math.log(rows))
    scores = torch.cat([attention, even]) + _together(tokens + 1, rows, attention)
    found = scores.new_full((tokens + 1, frames), -math.log(rows))
    for column, (begin, end) in enumerate(spans.tolist()):
        found[:, begin:end] = scores[:, column, None]
    return found


def _together(tokens: int, rows: int, like: Tensor) -> Tensor:
    """Return the log of the beta-binomial prior, (tokens, rows), of the dtype of another."""
    most = tokens - 1
    drawn = torch.arange(tokens, dtype=like.dtype, device=like.device)[:, None]
    passed = torch.arange(1, rows + 1, dtype=like.dtype, device=like.device)
    alpha, beta = passed / 2, (rows + 1 - passed) / 2

    def log_beta(a: Tensor, b: Tensor) -> Tensor:
        return a.lgamma() + b.lgamma() - (a + b).lgamma()

    choices = math.lgamma(tokens) - (drawn + 1).lgamma() - (most - drawn + 1).lgamma()
    return choices + log_beta(drawn + alpha, most - drawn + beta) - log_beta(alpha, beta)
