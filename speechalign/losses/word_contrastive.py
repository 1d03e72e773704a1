"""Contrast of words: what is heard of a word is near its text, and far from other words."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from speechalign.errors import InputError
from speechalign.losses.arguments import check_integers, check_lengths, within
from speechalign.losses.embeddings import check_positive, embeddings


def word_contrastive_loss(
    speech: Tensor,
    text: Tensor,
    speech_lengths: Tensor,
    text_lengths: Tensor,
    speech_spans: Tensor,
    text_spans: Tensor,
    words: Tensor,
    word_lengths: Tensor,
    *,
    temperature: float = 0.2,
    direction: Literal["speech", "text", "both"] = "speech",
) -> Tensor:
    """Cross-entropy of finding the text of each word of a batch by its sound (InfoNCE).

    Parameters
    ----------
    speech : Tensor, shape (B, N, d), float32 or float64
        Embeddings of frames; padding is never read.
    text : Tensor, shape (B, M, d), of the same dtype
        Embeddings of tokens; detached, where they should stay where they are.
    speech_lengths, text_lengths, word_lengths : Tensor, shape (B,), int32 or int64
        Frames, tokens and words of each utterance.
    speech_spans, text_spans : Tensor, shape (B, W, 2), int32 or int64
        First frame or token of each word and the one after its last, such as from an alignment.
    words : Tensor, shape (B, W), int32 or int64
        Which word it is, any number: equal numbers are the same word.
    temperature : float
        What the cosines are divided by.
    direction : {"speech", "text", "both"}
        What looks for the other: speech for text, text for speech, or the mean of both.

    Returns
    -------
    Tensor, shape ()
        Mean over the words of the batch; 0 where there are none.

    Raises
    ------
    InputError
        A shape, dtype, length or option is wrong, the widths differ, a span is empty or beyond its
        utterance, or a value is not finite.

    Notes
    -----
    Rows are averaged over each span; then
    ``L_w = -log( exp(c_ww / temperature) / sum over w' of exp(c_ww' / temperature) )`` with the
    cosines c of all words of the batch [1]_. Unlike there, another occurrence of the same word is
    no negative: it is left out of the sum. O(K^2) memory for K words in the batch.

    References
    ----------
    .. [1] S. Ouyang, R. Ye and L. Li, "WACO: word-aligned contrastive learning for speech
       translation", Proc. ACL, 2023, eq. 3.

    Examples
    --------
    >>> rows, lengths = torch.eye(2)[None], torch.tensor([2])
    >>> spans = torch.tensor([[[0, 1], [1, 2]]])
    >>> words = torch.tensor([[5, 7]])
    >>> word_contrastive_loss(
    ...     rows, rows, lengths, lengths, spans, spans, words, lengths, temperature=1.0
    ... )  # log(1 + 1 / e)
    tensor(0.3133)
    """
    check_positive(temperature, "temperature")
    if direction not in ("speech", "text", "both"):
        raise InputError(f"direction: expected 'speech', 'text' or 'both', got {direction!r}")
    u, v, speech_lengths, text_lengths = embeddings(speech, text, speech_lengths, text_lengths)
    words = check_integers(words, "words")
    if words.ndim != 2 or len(words) != len(speech):
        raise InputError(f"words: expected shape ({len(speech)}, W), got {tuple(words.shape)}")
    word_lengths = check_lengths(word_lengths, "word_lengths", *words.shape)
    inside = within(word_lengths.to(words.device), words.shape[1])
    heard = _means(u, speech_spans, speech_lengths, inside, "speech_spans")
    read = _means(v, text_spans, text_lengths, inside, "text_spans")
    which = words[inside].to(u.device)
    if len(which) == 0:
        return heard.sum() + read.sum()
    with torch.autocast(u.device.type, enabled=False):
        scores = normalize(heard, dim=1) @ normalize(read, dim=1).T / temperature
    order = torch.arange(len(which), device=u.device)
    again = (which[:, None] == which) & (order[:, None] != order)
    scores = scores.masked_fill(again, -torch.inf)
    if direction == "both":
        return (cross_entropy(scores, order) + cross_entropy(scores.T, order)) / 2
    return cross_entropy(scores if direction == "speech" else scores.T, order)


def _means(rows: Tensor, spans: Tensor, lengths: Tensor, inside: Tensor, name: str) -> Tensor:
    """Return the mean over each span inside, (K, d), of rows (B, N, d)."""
    spans = check_integers(spans, name)
    if spans.shape != (*inside.shape, 2):
        raise InputError(f"{name}: expected shape {(*inside.shape, 2)}, got {tuple(spans.shape)}")
    begins, ends = spans[..., 0], spans[..., 1]
    wrong = inside.to(spans.device) & (
        (begins < 0) | (begins >= ends) | (ends > lengths.to(spans.device)[:, None])
    )
    if wrong.any():
        b, w = torch.nonzero(wrong)[0].tolist()
        raise InputError(
            f"{name}[{b}, {w}]: expected a span of at least one row within "
            f"[0, {int(lengths[b])}), got [{int(begins[b, w])}, {int(ends[b, w])})"
        )
    order = torch.arange(rows.shape[1], device=rows.device)
    begins, ends = (x.to(rows.device)[..., None] for x in (begins, ends))
    member = ((begins <= order) & (order < ends)).to(rows.dtype)
    with torch.autocast(rows.device.type, enabled=False):
        sums = torch.bmm(member, rows)
    return (sums / member.sum(2, keepdim=True).clamp(min=1))[inside.to(rows.device)]
