"""Monotone paths through batches of costs of pairing speech with text."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from speechalign.errors import BackendError, InputError
from speechalign.kernels.dtw import dtw
from speechalign.kernels.warping import best_map, soft_cost
from speechalign.losses.gradients import known_gradient

Moves = Literal["plain", "skip", "dtw"]
Backend = Literal["auto", "numba", "torch"]

# Stands for no path in the torch code, where the gradient of inf would be NaN.
_FAR = 1e30


def check_moves(moves: str) -> None:
    """Refuse anything but the names of moves."""
    if moves not in ("plain", "skip", "dtw"):
        raise InputError(f"moves: expected 'plain', 'skip' or 'dtw', got {moves!r}")


def feasible(rows: Tensor, columns: Tensor, moves: Moves) -> Tensor:
    """Tell, (B,) bool, whether a path leads from the first cell to the last."""
    if moves == "dtw":
        return (rows >= 1) & (columns >= 1)
    step = 2 if moves == "skip" else 1
    return (rows >= 1) & (columns >= 1) & (step * (rows - 1) >= columns - 1)


def best_spans(
    costs: Tensor,
    rows: Tensor,
    columns: Tensor,
    *,
    moves: Moves,
    free_ends: bool,
    backend: Backend,
) -> tuple[Tensor, Tensor]:
    """Find the columns of each row on the cheapest path, half-open, both (B, N) int64.

    Where a row is on no path both are 0.
    """
    batch, height, _ = costs.shape
    if not on_numba(costs, backend) and costs.numel():
        return _torch_spans(costs, rows, columns, moves, free_ends)
    firsts = np.zeros((batch, height), np.int64)
    ends = np.zeros((batch, height), np.int64)
    values = costs.detach().cpu().numpy()
    possible = feasible(rows, columns, moves)
    for b, (n, m) in enumerate(zip(rows.tolist(), columns.tolist())):
        if not possible[b]:
            continue
        cells = np.ascontiguousarray(values[b, :n, :m])
        if moves == "dtw":
            path = dtw(cells, free_rows=free_ends)
            taken, begins = np.unique(path.rows, return_index=True)
            firsts[b, taken] = path.columns[begins]
            ends[b, taken] = path.columns[np.append(begins[1:], len(path.rows)) - 1] + 1
        else:
            mapped = best_map(cells, skip=moves == "skip", free_ends=free_ends)
            firsts[b, :n] = np.maximum(mapped, 0)
            ends[b, :n] = mapped + 1
    return torch.from_numpy(firsts), torch.from_numpy(ends)


def soft_costs(
    costs: Tensor,
    rows: Tensor,
    columns: Tensor,
    *,
    gamma: float,
    moves: Moves,
    free_ends: bool,
    backend: Backend,
) -> Tensor:
    """Return the soft minimum over paths, (B,), differentiable; inf where there is none."""
    possible = feasible(rows, columns, moves)
    if on_numba(costs, backend) or not costs.numel():
        found = costs.new_full((len(costs),), torch.inf, dtype=torch.float64)
        occupation = torch.zeros_like(costs)
        values = costs.detach().cpu().numpy()
        for b, (n, m) in enumerate(zip(rows.tolist(), columns.tolist())):
            if possible[b]:
                cells = np.ascontiguousarray(values[b, :n, :m])
                found[b], cell = soft_cost(
                    cells, gamma, skip=moves == "skip", dtw=moves == "dtw", free_ends=free_ends
                )
                occupation[b, :n, :m] = torch.from_numpy(cell)
    else:
        with torch.enable_grad():
            leaf = costs.detach().double().requires_grad_()
            sums = _torch_sums(leaf, gamma, moves, free_ends)
            ended = _torch_ends(sums, rows, columns, gamma, free_ends)
            ended = ended.where(possible.to(leaf.device), 0.0)
            (occupation,) = torch.autograd.grad(ended.sum(), leaf)
        found = ended.detach().where(possible.to(leaf.device), torch.inf)
    losses: Tensor = known_gradient(costs, found.to(costs.dtype), occupation.to(costs.dtype))
    return losses


def on_numba(costs: Tensor, backend: str) -> bool:
    """Tell whether numba works on tensors such as this one; refuse what there is not."""
    if backend not in ("auto", "numba", "torch"):
        raise InputError(f"backend: expected 'auto', 'numba' or 'torch', got {backend!r}")
    if backend == "numba" and costs.device.type != "cpu":
        raise BackendError(
            f"backend: numba needs tensors on the CPU, got {costs.device}; use 'torch'"
        )
    return backend != "torch" and costs.device.type == "cpu"


def _shifted(row: Tensor, by: int) -> Tensor:
    """Move columns (B, M) to the right; what comes in is far."""
    return torch.cat([torch.full_like(row[:, :by], _FAR), row[:, :-by]], 1)[:, : row.shape[1]]


def _entries(before: Tensor | None, row: Tensor, moves: Moves, free_ends: bool) -> Tensor:
    """Return what the ways into a row of (B, M) costs from above have cost: (ways, B, M).

    The first way begins, or comes from the column before; then down, and from two before.
    """
    begin = torch.full_like(row, _FAR)
    begin[:, 0] = 0.0
    if before is None:
        return begin[None]
    both = _shifted(before, 1)
    if free_ends:
        both = torch.minimum(both, begin)
    ways = [both, before]
    if moves == "skip":
        ways.append(_shifted(before, 2))
    return torch.stack(ways)


def _torch_spans(
    costs: Tensor, rows: Tensor, columns: Tensor, moves: Moves, free_ends: bool
) -> tuple[Tensor, Tensor]:
    """Do what `best_spans` does on any device, a row at a time."""
    device = costs.device
    rows, columns = rows.to(device), columns.to(device)
    batch, height, width = costs.shape
    possible = feasible(rows, columns, moves)
    values = costs.detach().double()
    ways, lefts, last = [], [], columns.clamp(min=1)[:, None] - 1
    before: Tensor | None = None
    endings = values.new_full((batch, height), torch.inf)
    for i in range(height):
        entry, way = _entries(before, values[:, i], moves, free_ends).min(0)
        left = torch.arange(width, device=device).expand(batch, width)
        if moves == "dtw":
            passed = values[:, i].cumsum(1)
            low, left = (entry - passed + values[:, i]).cummin(1)
            before = low + passed
        else:
            before = entry + values[:, i]
        ways.append(way)
        lefts.append(left)
        endings[:, i] = before.gather(1, last)[:, 0]
    firsts = torch.zeros(batch, height, dtype=torch.int64, device=device)
    ends = torch.zeros_like(firsts)
    places = torch.arange(height, device=device)
    may_end = (places < rows[:, None]) if free_ends else (places == rows[:, None] - 1)
    final = endings.where(may_end, torch.inf).argmin(1)
    at = last[:, 0]
    open_path = torch.zeros_like(possible)
    for i in reversed(range(height)):
        open_path = open_path | (possible & (final == i))
        first = lefts[i].gather(1, at[:, None])[:, 0]
        firsts[:, i] = first.where(open_path, 0)
        ends[:, i] = (at + 1).where(open_path, 0)
        way = ways[i].gather(1, first[:, None])[:, 0]
        before_at = first - torch.where(way == 0, 1, torch.where(way == 1, 0, 2))
        open_path = open_path & (before_at >= 0)
        at = before_at.where(open_path, at)
    return firsts, ends


def _torch_sums(costs: Tensor, gamma: float, moves: Moves, free_ends: bool) -> Tensor:
    """Return the soft minimum over paths into each cell, (N, B, M)."""
    found: list[Tensor] = []
    for i in range(costs.shape[1]):
        row = costs[:, i]
        before = found[-1] if found else None
        # No path both begins in a cell and comes from the column before it.
        ways = _entries(before, row, moves, free_ends)
        entry = -gamma * torch.logsumexp(-ways / gamma, 0)
        if moves == "dtw":
            passed = row.cumsum(1)
            low = torch.logcumsumexp((passed - row - entry) / gamma, 1)
            found.append(passed - gamma * low)
        else:
            found.append(entry + row)
    return torch.stack(found)


def _torch_ends(
    sums: Tensor, rows: Tensor, columns: Tensor, gamma: float, free_ends: bool
) -> Tensor:
    """Return the soft minimum over complete paths, (B,)."""
    height, batch, _ = sums.shape
    rows, columns = rows.to(sums.device), columns.to(sums.device)
    utterances = torch.arange(batch, device=sums.device)
    column = sums[:, utterances, columns.clamp(min=1) - 1]
    if not free_ends:
        return column[rows.clamp(min=1) - 1, utterances]
    spoken = torch.arange(height, device=sums.device)[:, None] < rows
    return -gamma * torch.logsumexp(-column.where(spoken, _FAR) / gamma, 0)
