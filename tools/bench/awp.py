"""What Align With Purpose adds to a CTC training step.

Usage: python tools/bench/awp.py [--rounds N]

The step is that of the recipe: `ConvCTCNet` with its default sizes from features of B = 16
recordings of 10 s to T = 500 frames of V = 40 symbols, `ctc_loss`, backward, AdamW. ``alone`` is
`awp_loss` with N = 5 pairs, forward and backward down to the log-probabilities. One thread, CPU
time, medians of rounds in which all take turns.
"""

# ruff: noqa: E402 (torch reads the variables when it is imported)

from __future__ import annotations

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import argparse
import statistics
import time
from functools import partial

import torch
from torch import Tensor

from speechalign.losses import awp_loss, ctc_loss
from speechalign.losses.properties.long_labels import long_labels
from speechalign.losses.properties.low_latency import low_latency
from speechalign.losses.properties.min_wer import min_wer
from speechalign.models.ctc.conv_net import ConvCTCConfig, ConvCTCNet

B, T, V, L, BLANK, SEPARATOR = 16, 500, 40, 60, 0, 1
PROPERTIES = {
    "low_latency": low_latency,
    "min_wer": partial(min_wer, separator=SEPARATOR),
    "min_wer, labels": min_wer,
    "min_wer, words": min_wer,
    "long_labels": long_labels,
}


def main(rounds: int) -> None:
    """Print a table."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = ConvCTCNet(ConvCTCConfig(), V)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4)
    features = torch.randn(B, 2 * T, 80)
    lengths, target_lengths = torch.full((B,), T), torch.full((B,), L)
    targets = torch.randint(1, V, (B, L))
    words = (torch.arange(L) // 4).repeat(B, 1)
    given = (3 * torch.randn(B, T, V)).log_softmax(-1)
    given[:, :, BLANK] += 3
    given = given.log_softmax(-1).requires_grad_()

    def purpose(log_probs: Tensor, name: str) -> Tensor:
        return awp_loss(
            log_probs, lengths, PROPERTIES[name], blank=BLANK, seed=0, targets=targets,
            target_lengths=target_lengths, words=words if name == "min_wer, words" else None,
        )  # fmt: skip

    def step(name: str | None) -> float:
        begin = time.thread_time()
        optimizer.zero_grad()
        log_probs = net.encode(features, 2 * lengths)
        loss = ctc_loss(log_probs, targets, lengths, target_lengths, blank=BLANK)
        if name is not None:
            loss = loss + 0.1 * purpose(log_probs, name)
        loss.backward()
        optimizer.step()
        return time.thread_time() - begin

    def alone(name: str) -> float:
        given.grad = None
        begin = time.thread_time()
        purpose(given, name).backward()
        return time.thread_time() - begin

    times: dict[tuple[str, str | None], list[float]] = {}
    for turn in range(rounds + 1):
        for name in [None, *PROPERTIES]:
            found = {("step", name): step(name)}
            if name is not None:
                found["alone", name] = alone(name)
            for key, seconds in found.items():
                if turn > 0:  # The first round compiles.
                    times.setdefault(key, []).append(1000 * seconds)
    medians = {key: statistics.median(found) for key, found in times.items()}
    parameters = sum(p.numel() for p in net.parameters())
    plain = medians["step", None]
    print(f"ConvCTCNet, {parameters / 1e6:.2f}M parameters: a CTC step takes {plain:.0f} ms")
    print(f"{'property':16} {'alone ms':>9} {'of a step':>10} {'step with it':>13}")
    for name in PROPERTIES:
        single, together = medians["alone", name], medians["step", name]
        print(f"{name:16} {single:9.1f} {single / plain:10.1%} {together / plain:12.2f}x")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds (default 5)")
    main(parser.parse_args().rounds)
