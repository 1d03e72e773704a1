"""Sums of distances along given paths, as functions of the rows that the paths pair."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from speechalign.kernels import path_distances
from speechalign.losses.embeddings import Distance
from speechalign.losses.gradients import Context

_CODES: dict[Distance, int] = {
    "squared": path_distances.SQUARED,
    "euclidean": path_distances.EUCLIDEAN,
    "cosine": path_distances.COSINE,
}


def path_sums(
    u: Tensor, v: Tensor, firsts: Tensor, ends: Tensor, distance: Distance, *, compiled: bool
) -> Tensor:
    """Sum the distances of rows that paths pair, (B,), differentiable; inf where none are.

    Row i of u (B, N, d) is paired with the rows ``[firsts[b, i], ends[b, i])`` of v (B, M, d). Rows
    on no path are not read. ``compiled`` needs tensors on the CPU; without it torch does the same
    on any device, in several times the memory.
    """
    if compiled:
        sums: Tensor = _path_sums(u, v, firsts, ends, _CODES[distance])
        return sums
    counts = (ends - firsts).flatten()
    rows = torch.arange(len(counts), device=u.device).repeat_interleave(counts)
    utterances = rows // max(1, u.shape[1])
    # The n-th partner of its row, for each pair.
    order = torch.arange(len(rows), device=u.device) - (counts.cumsum(0) - counts)[rows]
    partners = utterances * v.shape[1] + firsts.flatten()[rows] + order
    apart = _between(
        u.flatten(0, 1).index_select(0, rows), v.flatten(0, 1).index_select(0, partners), distance
    )
    sums = apart.new_zeros(len(u)).index_add(0, utterances, apart)
    return sums.where((ends > 0).any(1), torch.inf)


def _between(a: Tensor, b: Tensor, distance: Distance) -> Tensor:
    """Return the distances (P,) of rows (P, d) and (P, d)."""
    if distance == "cosine":
        similarity: Tensor = (normalize(a, dim=1) * normalize(b, dim=1)).sum(1)
        return 1 - similarity
    if distance == "squared":
        return (a - b).square().sum(1)
    norms: Tensor = torch.linalg.vector_norm(a - b, dim=1)
    return norms


def _arrays(
    u: Tensor, v: Tensor, firsts: Tensor, ends: Tensor
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    a, b, c, d = (x.detach().contiguous().numpy() for x in (u, v, firsts, ends))
    return a, b, c, d


@torch.library.custom_op("speechalign::path_sums", mutates_args=())
def _path_sums(u: Tensor, v: Tensor, firsts: Tensor, ends: Tensor, code: int) -> Tensor:
    sums = path_distances.path_sums(*_arrays(u, v, firsts, ends), code)
    return torch.from_numpy(sums).to(u.dtype)


@_path_sums.register_fake
def _(u: Tensor, v: Tensor, firsts: Tensor, ends: Tensor, code: int) -> Tensor:  # noqa: ARG001
    return u.new_empty(len(u))


@torch.library.custom_op("speechalign::path_slopes", mutates_args=())
def _path_slopes(
    u: Tensor, v: Tensor, firsts: Tensor, ends: Tensor, code: int, by_sum: Tensor
) -> tuple[Tensor, Tensor]:
    """Go from derivatives for the sums (B,) to those for the rows.

    It has no derivative of its own, so that differentiating twice raises instead of being wrong.
    """
    weights = by_sum.detach().double().contiguous().numpy()
    by_u, by_v = path_distances.path_slopes(*_arrays(u, v, firsts, ends), code, weights)
    return torch.from_numpy(by_u), torch.from_numpy(by_v)


@_path_slopes.register_fake
def _(
    u: Tensor, v: Tensor, firsts: Tensor, ends: Tensor, code: int, by_sum: Tensor  # noqa: ARG001
) -> tuple[Tensor, Tensor]:  # fmt: skip
    return torch.empty_like(u), torch.empty_like(v)


def _keep_inputs(
    ctx: Context, inputs: tuple[Tensor, Tensor, Tensor, Tensor, int], output: Tensor  # noqa: ARG001
) -> None:  # fmt: skip
    ctx.save_for_backward(*inputs[:4])
    ctx.integers = (inputs[4],)


def _backward(ctx: Context, by_sum: Tensor) -> tuple[Tensor | None, ...]:
    return *_path_slopes(*ctx.saved_tensors, *ctx.integers, by_sum), None, None, None


_path_sums.register_autograd(_backward, setup_context=_keep_inputs)
