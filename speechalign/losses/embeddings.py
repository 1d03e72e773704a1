"""Embeddings of speech and of text: what losses on them are given, and how far apart they are."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize

from speechalign.errors import InputError
from speechalign.losses.arguments import check_lengths, check_tensor, within

Distance = Literal["squared", "euclidean", "cosine"]


def embeddings(
    speech: Tensor, text: Tensor, speech_lengths: Tensor, text_lengths: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return (B, N, d) and (B, M, d) with zeros for padding; refuse what does not fit together.

    After them their lengths, as int64.
    """
    speech_lengths, text_lengths = check_embeddings(speech, text, speech_lengths, text_lengths)
    found = []
    for rows, lengths in ((speech, speech_lengths), (text, text_lengths)):
        inside = within(lengths.to(rows.device), rows.shape[1])
        found.append(rows if inside.all() else rows.where(inside[:, :, None], 0.0))
    return found[0], found[1], speech_lengths, text_lengths


def check_embeddings(
    speech: Tensor, text: Tensor, speech_lengths: Tensor, text_lengths: Tensor
) -> tuple[Tensor, Tensor]:
    """Refuse what does not fit together, padding left out; return the lengths as int64."""
    found = []
    for name, rows, lengths in (
        ("speech", speech, speech_lengths),
        ("text", text, text_lengths),
    ):
        check_tensor(rows, name)
        if rows.ndim != 3:
            raise InputError(
                f"{name}: expected embeddings of shape (B, length, d), got {tuple(rows.shape)}"
            )
        if rows.dtype not in (torch.float32, torch.float64):
            raise InputError(
                f"{name}: expected float32 or float64, got "
                f"{str(rows.dtype).replace('torch.', '')}; call .float() on it"
            )
        lengths = check_lengths(lengths, f"{name}_lengths", *rows.shape[:2])
        found.append(lengths)
        inside = within(lengths.to(rows.device), rows.shape[1])
        # A finite sum is quicker to find out than that all are; a sum may overflow.
        if not rows.detach().sum(2).where(inside, 0.0).isfinite().all():
            wrong = ~rows.isfinite() & inside[:, :, None]
            if wrong.any():
                b, i, k = torch.nonzero(wrong)[0].tolist()
                raise InputError(
                    f"{name}[{b}, {i}, {k}]: expected a finite number, got "
                    f"{float(rows[b, i, k])}; check what made the embeddings"
                )
    if len(speech) != len(text):
        raise InputError(f"text: expected {len(speech)} utterances, as in speech, got {len(text)}")
    if speech.shape[2] != text.shape[2]:
        raise InputError(
            f"text: expected embeddings of width {speech.shape[2]}, as those of speech, got "
            f"{text.shape[2]}; project one onto the width of the other"
        )
    if speech.dtype != text.dtype:
        raise InputError(
            f"text: expected {speech.dtype}, as speech, got {text.dtype}; convert one of them"
        )
    return found[0], found[1]


def check_distance(distance: str) -> None:
    """Refuse anything but the names of distances."""
    if distance not in ("squared", "euclidean", "cosine"):
        raise InputError(f"distance: expected 'squared', 'euclidean' or 'cosine', got {distance!r}")


def check_positive(value: float, name: str) -> None:
    """Refuse anything but a finite number above 0."""
    if not 0 < value < float("inf"):
        raise InputError(f"{name}: expected a finite number above 0, got {value}")


def pairwise(a: Tensor, b: Tensor, distance: Distance) -> Tensor:
    """Return the distances (B, N, M) of rows (B, N, d) and (B, M, d), in their own precision."""
    with torch.autocast(a.device.type, enabled=False):
        if distance == "cosine":
            return 1 - normalize(a, dim=2) @ normalize(b, dim=2).transpose(1, 2)
        norms = [torch.linalg.vector_norm(rows, dim=2).square() for rows in (a, b)]
        squared = torch.baddbmm(norms[1][:, None], a, b.transpose(1, 2), alpha=-2)
        squared += norms[0][:, :, None]
    if distance == "squared":
        return squared
    apart = squared > 0
    return squared.where(apart, 1.0).sqrt().where(apart, 0.0)
