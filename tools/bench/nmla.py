"""Time and memory of nmla_loss against the published T x T formulation in plain torch.

Usage: python tools/bench/nmla.py [--rounds N]

One thread, forward and backward, float32, n = 2. Two forms of the peer: ``pairs`` multiplies out
all pairs of frames for each bigram, (B, L, T, T), as the authors' code does; ``matmul`` has one
(B, T, T) matrix and multiplies it, which is the best that plain torch can do with it. Times are
medians of interleaved rounds; memory is the growth of the peak of a process of its own over that
after the inputs are made. Then the time of ours for growing T, which should be linear.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

from speechalign.losses.nmla import nmla_loss

B, T, V, L, BLANK = 16, 500, 500, 60, 0


def problem(frames: int = T) -> tuple[torch.Tensor, ...]:
    """Return log_probs that require a gradient, targets and lengths."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(B, frames, V, generator=generator) * 3
    targets = torch.randint(1, V, (B, L), generator=generator)
    log_probs = logits.log_softmax(-1).requires_grad_()
    return log_probs, targets, torch.full((B,), frames), torch.full((B,), L)


def ours(log_probs: torch.Tensor, targets: torch.Tensor, *lengths: torch.Tensor) -> torch.Tensor:
    """Return the sum of the losses."""
    return nmla_loss(log_probs, targets, *lengths, n=2, blank=BLANK, reduction="sum")


def by_matrix(log_probs: torch.Tensor, targets: torch.Tensor, *, pairs: bool) -> torch.Tensor:
    """Return the same from a T x T matrix of the blanks between two frames."""
    probs = log_probs.exp()
    frames = log_probs.shape[1]
    silent = log_probs[:, :, BLANK].double().cumsum(1)
    between = silent[:, None, :].roll(1, 2) - silent[:, :, None]
    later = torch.ones(frames, frames).triu(1).bool()
    matrix = between.masked_fill(~later, -torch.inf).exp().to(probs.dtype)
    first, second = targets[:, :-1], targets[:, 1:]
    p = probs.gather(2, first[:, None].expand(-1, frames, -1)).transpose(1, 2)
    q = probs.gather(2, second[:, None].expand(-1, frames, -1)).transpose(1, 2)
    if pairs:
        counts = (p[:, :, :, None] * matrix[:, None] * q[:, :, None, :]).sum((2, 3))
    else:
        counts = (torch.bmm(p, matrix) * q).sum(2)
    counts = counts - (first == second) * (p[:, :, :-1] * q[:, :, 1:]).sum(2)
    same = (first[:, :, None] == first[:, None]) & (second[:, :, None] == second[:, None])
    wanted = same.sum(2)
    matched = (torch.minimum(counts, wanted.to(counts.dtype)) / wanted).sum(1)
    spoken = probs[:, :, 1:]
    length = spoken.sum((1, 2)) - (spoken[:, 1:] * spoken[:, :-1]).sum((1, 2))
    expected = length - 1 + probs[:, :, BLANK].prod(1)
    return (1 - 2 * matched / (expected + first.shape[1])).sum()


WAYS = {
    "ours": lambda x, y, *lengths: ours(x, y, *lengths),
    "pairs": lambda x, y, *_: by_matrix(x, y, pairs=True),
    "matmul": lambda x, y, *_: by_matrix(x, y, pairs=False),
}


def step(way: str, inputs: tuple[torch.Tensor, ...]) -> tuple[float, float, torch.Tensor]:
    """Run forward and backward; return CPU seconds, loss and gradient."""
    inputs[0].grad = None
    begin = time.thread_time()
    loss = WAYS[way](*inputs)
    loss.backward()
    return time.thread_time() - begin, loss.item(), inputs[0].grad


def resident(what: str) -> float:
    """Return the resident memory of this process, MB: now (VmRSS), or at its peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory-of", choices=WAYS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.memory_of:
        small = tuple(x[:1, :8] if x.ndim > 1 else x[:1].clamp(max=8) for x in problem(8))
        step(options.memory_of, (small[0].detach().requires_grad_(), *small[1:]))
        inputs = problem()
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before = resident("VmRSS")
        step(options.memory_of, inputs)
        print(resident("VmHWM") - before)
        return
    inputs = problem()
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(options.rounds + 1):
        for way in WAYS:
            seconds[way].append(step(way, inputs)[0])
    _, exact, slope = step("ours", tuple(problem()[:1]) + inputs[1:])
    own = statistics.median(seconds["ours"][1:])
    growth = {
        way: float(
            subprocess.run(
                [sys.executable, __file__, "--memory-of", way],
                check=True, capture_output=True, text=True,
            ).stdout
        )
        for way in WAYS
    }  # fmt: skip
    print(f"B={B} T={T} V={V} L={L} n=2, forward + backward, one thread, {options.rounds} rounds")
    print("way      CPU ms (range)          ratio  memory MB   ratio  loss - ours  gradient - ours")
    for way in WAYS:
        taken = seconds[way][1:]
        median = statistics.median(taken)
        _, loss, other = step(way, inputs)
        print(
            f"{way:<8} {1e3 * median:7.1f} ({1e3 * min(taken):.1f}-{1e3 * max(taken):.1f})"
            f"{median / own:14.1f} {growth[way]:10.0f} {growth[way] / growth['ours']:9.1f}"
            f"{loss - exact:13.1e} {float((other - slope).abs().max()):13.1e}"
        )
    print("\nours, growing T: CPU ms for each frame")
    for frames in (500, 1000, 2000, 4000):
        inputs = problem(frames)
        taken = [step("ours", inputs)[0] for _ in range(4)][1:]
        print(f"T={frames:<6}{1e3 * statistics.median(taken) / frames:8.4f}")


if __name__ == "__main__":
    main()
