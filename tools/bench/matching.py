"""Time and memory of best_alignment_loss against plain torch, and of its search against librosa.

    python tools/bench/matching.py [--rounds N] [--quick]

One thread, float32, squared distances. First forward and backward of the loss beside three forms in
plain torch with autograd: ``cells`` goes cell by cell, the batch at once; ``rows`` has whole rows
of the recursion as tensors; ``tuned`` does too, with distances by one matrix product and without
indexing, the best that plain torch can do. ``product`` is that matrix product alone, forward, which
all of them need. Then dynamic time warping of all matrices without the distances, beside
librosa.sequence.dtw with backtracking. Times are medians and quartiles of CPU time in interleaved
rounds; "ratio" is the median of the rounds' ratios. Memory is the growth of the peak of a process
of its own over what it has when the inputs are made (Linux).
"""

# ruff: noqa: E402 (BLAS and torch read the variables when they are imported)

from __future__ import annotations

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from speechalign.kernels.dtw import dtw
from speechalign.losses.best_alignment import best_alignment_loss

FULL = 16, 500, 100, 512
QUICK = 2, 40, 10, 16


def problem(batch: int, frames: int, tokens: int, width: int) -> tuple[Tensor, Tensor]:
    """Return speech and text that require gradients."""
    generator = torch.Generator().manual_seed(0)
    text = torch.randn(batch, tokens, width, generator=generator)
    stretched = text.repeat_interleave(frames // tokens, dim=1)
    speech = stretched + torch.randn(stretched.shape, generator=generator)
    return speech.requires_grad_(), text.requires_grad_()


def ours(speech: Tensor, text: Tensor, **options: object) -> Tensor:
    """Return the losses."""
    lengths = (torch.full((len(speech),), x.shape[1]) for x in (speech, text))
    return best_alignment_loss(speech, text, *lengths, reduction="none", **options)


def ours_soft(speech: Tensor, text: Tensor) -> Tensor:
    """Return the soft losses."""
    return ours(speech, text, gamma=1.0)


def ours_dtw(speech: Tensor, text: Tensor) -> Tensor:
    """Return the losses with full warping."""
    return ours(speech, text, moves="dtw")


def by_rows(speech: Tensor, text: Tensor) -> Tensor:
    """Return the losses by one tensor operation a row."""
    costs = torch.cdist(speech, text).square()
    far = costs.new_full((len(costs), 1), torch.inf)
    row = torch.cat([costs[:, 0, :1], far.expand(-1, costs.shape[2] - 1)], 1)
    for i in range(1, costs.shape[1]):
        row = costs[:, i] + torch.minimum(row, torch.cat([far, row[:, :-1]], 1))
    return row[:, -1] / costs.shape[1]


def tuned_rows(speech: Tensor, text: Tensor) -> Tensor:
    """Return the losses as `by_rows` does, in the quickest way."""
    norms = [x.square().sum(2) for x in (speech, text)]
    costs = torch.baddbmm(norms[0][:, :, None], speech, text.transpose(1, 2), alpha=-2)
    first, *others = (costs + norms[1][:, None]).unbind(1)
    far = first.new_full((len(first), 1), torch.inf)
    row = torch.cat([first[:, :1], far.expand(-1, first.shape[1] - 1)], 1)
    for cost in others:
        row = cost + torch.minimum(row, torch.cat([far, row[:, :-1]], 1))
    return row[:, -1] / costs.shape[1]


def by_cells(speech: Tensor, text: Tensor) -> Tensor:
    """Return the losses by one tensor operation a cell."""
    costs = torch.cdist(speech, text).square().unbind(1)
    far = costs[0].new_full((len(speech),), torch.inf)
    row = [costs[0][:, 0]] + [far] * (text.shape[1] - 1)
    for cost in costs[1:]:
        cells = cost.unbind(1)
        before = [far, *row[:-1]]
        row = [c + torch.minimum(a, b) for c, a, b in zip(cells, row, before)]
    return row[-1] / len(costs)


LOSSES = {
    "ours": ours, "ours dtw": ours_dtw, "ours soft": ours_soft, "tuned": tuned_rows,
    "rows": by_rows, "cells": by_cells,
}  # fmt: skip


def gradients(loss: Callable[..., Tensor], inputs: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
    """Return the losses and the gradients of their sum."""
    found = loss(*inputs)
    return found.detach(), *torch.autograd.grad(found.sum(), inputs)


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of this thread that something takes."""
    began = time.thread_time()
    work()
    return time.thread_time() - began


def table(works: dict[str, Callable[[], object]], rounds: int) -> None:
    """Print times in turns; ratios are over the first."""
    times = np.array([[seconds(work) for work in works.values()] for _ in range(rounds)])
    low, middle, high = np.quantile(1e3 * times, [0.25, 0.5, 0.75], axis=0)
    for k, name in enumerate(works):
        ratio = float(np.median(times[:, k] / times[:, 0]))
        print(f"{name:12} {middle[k]:9.1f} ms ({low[k]:.1f}-{high[k]:.1f})   x{ratio:.1f}")


def grown_memory(name: str, sizes: tuple[int, ...]) -> None:
    """Print by how many MB the peak grows when a loss is differentiated."""
    inputs = problem(*sizes)
    if name.startswith("ours"):  # Compiled code is loaded once, whatever the size.
        gradients(LOSSES[name], problem(*QUICK))
    Path("/proc/self/clear_refs").write_text("5")  # The peak is what there is now.
    before = _peak()
    gradients(LOSSES[name], inputs)
    print((_peak() - before) / 1024)


def _peak() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="a small problem only")
    parser.add_argument("--memory", choices=LOSSES, help="print this memory only, in MB")
    options = parser.parse_args()
    torch.set_num_threads(1)
    sizes = QUICK if options.quick else FULL
    if options.memory:
        grown_memory(options.memory, sizes)
        return
    inputs = problem(*sizes)
    print("B, N, M, d =", *sizes)
    exact = gradients(by_rows, tuple(x.detach().double().requires_grad_() for x in inputs))
    for name in ("ours", "tuned", "rows"):
        found = gradients(LOSSES[name], inputs)
        worst = max(float((a - b).abs().max()) for a, b in zip(found, exact))
        print(f"largest error of {name} beside float64: {worst:.0e}")
    gradients(ours_dtw, inputs)
    gradients(ours_soft, inputs)
    print("\nForward and backward")
    works = {name: lambda loss=loss: gradients(loss, inputs) for name, loss in LOSSES.items()}
    slow = works.pop("cells")
    speech, text = (x.detach() for x in inputs)
    works["product"] = lambda: torch.bmm(speech, text.transpose(1, 2))
    table(works, options.rounds)
    table({"ours": works["ours"], "cells": slow}, 1)
    print("\nMemory")
    for name in LOSSES:
        if name != "cells":
            done = subprocess.run(
                [sys.executable, __file__, "--memory", name, *["--quick"] * options.quick],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            print(f"{name:12} {float(done.stdout):9.1f} MB")
    try:
        from librosa.sequence import dtw as librosa_dtw
    except ImportError:
        print("\nlibrosa is not installed; the search alone is not compared")
        return
    with torch.no_grad():
        matrices = torch.cdist(*inputs).square().double().numpy()
    print("\nDynamic time warping alone, all matrices")
    works = {
        "ours": lambda: [dtw(matrix) for matrix in matrices],
        "librosa": lambda: [librosa_dtw(C=matrix) for matrix in matrices],
    }
    for a, b in zip(works["ours"](), works["librosa"]()):
        assert abs(a.cost - b[0][-1, -1]) <= 1e-9 * a.cost
    table(works, options.rounds)


if __name__ == "__main__":
    main()
