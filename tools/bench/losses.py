"""Speed and accuracy of the CTC loss, beside torch's own on the same emissions.

    python tools/bench/losses.py [--rounds 9] [--quick]

One thread; CPU time of forward and backward from log-probabilities to a dense gradient; medians and
quartiles of rounds in which the two take turns; "ratio" is the median of the rounds' ratios.
Errors are the largest in an entry of the gradient, against torch in float64, both from the same
float32 log-probabilities; the gradients compared are those for logits, which torch returns.
"""

# ruff: noqa: E402 (BLAS and torch read the variables when they are imported)

from __future__ import annotations

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from speechalign.losses.ctc import ctc_loss

CASES = [
    # kind, B, T, V, L
    ("random", 16, 500, 32, 60),
    ("random", 16, 500, 500, 60),
    ("random", 16, 500, 5000, 60),
    ("peaky", 16, 500, 32, 60),
    ("collapsed", 16, 500, 32, 60),
    ("underflow", 16, 500, 32, 60),
    ("random", 4, 5000, 32, 700),
    ("collapsed", 4, 5000, 32, 60),
]
QUICK = [("random", 2, 100, 32, 12), ("underflow", 2, 100, 32, 40)]
SHIFTS = {"collapsed": 14.0, "underflow": 60.0}  # Nats by which the blank leads.


def batch(
    kind: str, size: int, frames: int, columns: int, labels: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Make log_probs (B, T, V) float32, targets (B, L) and the lengths; the blank is column 0."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(size, frames, columns, generator=generator)
    targets = torch.randint(1, columns, (size, labels), generator=generator)
    if kind == "peaky":
        seen = torch.zeros(size, frames, dtype=torch.int64)
        for b in range(size):
            places = torch.randperm(frames // 2, generator=generator)[:labels].sort().values
            seen[b, 2 * places] = targets[b]
        logits.scatter_add_(2, seen[:, :, None], torch.full((size, frames, 1), 9.0))
    logits[:, :, 0] += SHIFTS.get(kind, 0.0)
    log_probs = logits.log_softmax(2)
    return log_probs, targets, torch.full((size,), frames), torch.full((size,), labels)


def ours(log_probs: Tensor, *rest: Tensor) -> Tensor:
    """Return the gradient of our loss for the log-probabilities."""
    scores = log_probs.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(ctc_loss(scores, *rest, blank=0, reduction="sum"), scores)
    return gradient


def torchs(log_probs: Tensor, *rest: Tensor) -> Tensor:
    """Return what torch gives as the gradient for the log-probabilities."""
    scores = log_probs.detach().requires_grad_()
    loss = torch.nn.functional.ctc_loss(scores.transpose(0, 1), *rest, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, scores)
    return gradient


def seconds(gradient: Callable[..., Tensor], problem: tuple[Tensor, ...]) -> float:
    """Return the CPU seconds of this thread that a gradient takes."""
    began = time.thread_time()
    gradient(*problem)
    return time.thread_time() - began


def errors(problem: tuple[Tensor, Tensor, Tensor, Tensor]) -> tuple[float, float]:
    """Return the largest errors of the gradients, ours and torch's."""
    log_probs, *rest = problem
    exact = torchs(log_probs.double(), *rest)
    found = ours(log_probs, *rest).double() + log_probs.double().exp()
    return tuple(float((x - exact).abs().max()) for x in (found, torchs(log_probs, *rest)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="small problems only")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"{'kind':10} {'B,T,V,L':>15} {'ours ms':>8} {'(quartiles)':>15} {'torch ms':>9} "
        f"{'(quartiles)':>15} {'ratio':>7} {'error':>8} {'torch':>8}"
    )
    for kind, *sizes in QUICK if options.quick else CASES:
        problem = batch(kind, *sizes)
        mine, its = errors(problem)
        rounds = np.array(
            [[seconds(each, problem) for each in (ours, torchs)] for _ in range(options.rounds)]
        )
        low, middle, high = np.quantile(1e3 * rounds, [0.25, 0.5, 0.75], axis=0)
        spreads = [f"({a:.1f}-{b:.1f})" for a, b in zip(low, high)]
        ratio = float(np.median(rounds[:, 1] / rounds[:, 0]))
        print(
            f"{kind:10} {','.join(map(str, sizes)):>15} {middle[0]:8.1f} {spreads[0]:>15} "
            f"{middle[1]:9.1f} {spreads[1]:>15} {'x' + format(ratio, '.1f'):>7} "
            f"{mine:8.0e} {its:8.0e}"
        )


if __name__ == "__main__":
    main()
