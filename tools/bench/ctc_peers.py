"""CTC aligners that `ctc_align.py` compares, behind one signature: -> score, None if it has none.

    python tools/bench/ctc_peers.py --k2 problem.npz     (by the Python that has k2)

times k2 and speechalign on the emissions in the file, in one process, and prints JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

ROOT = Path(__file__).resolve().parents[2]

Align = Callable[[], "float | None"]
Prepare = Callable[[np.ndarray, np.ndarray], Align]


def ours(log_probs: np.ndarray, targets: np.ndarray) -> Align:
    """Prepare speechalign."""
    from speechalign.kernels.ctc import ctc_viterbi

    return lambda: ctc_viterbi(log_probs, targets, blank=0).score


def torchaudio(log_probs: np.ndarray, targets: np.ndarray) -> Align:
    """Prepare torchaudio's forced_align."""
    import torch
    from torchaudio.functional import forced_align

    torch.set_num_threads(1)
    emissions, labels = torch.from_numpy(log_probs)[None], torch.from_numpy(targets)[None]
    return lambda: float(forced_align(emissions, labels, blank=0)[1].double().sum())


def hirschberg(log_probs: np.ndarray, targets: np.ndarray) -> Align:
    """Prepare hirschberg-viterbi's exact linear-memory aligner."""
    import torch
    from hirschberg_viterbi import raw_hirschberg_viterbi

    torch.set_num_threads(1)
    emissions, labels = torch.from_numpy(log_probs), torch.from_numpy(targets).int()

    def align() -> float:
        states = raw_hirschberg_viterbi(emissions, labels, blank=0).numpy()
        read = np.where(states % 2 == 0, 0, np.append(targets, 0)[states // 2])
        return float(log_probs[np.arange(len(read)), read].sum(dtype=np.float64))

    return align


def ctc_segmentation(log_probs: np.ndarray, targets: np.ndarray) -> Align:
    """Prepare ctc-segmentation: another model, over a window, whose score is not comparable."""
    import ctc_segmentation as peer

    config = peer.CtcSegmentationParameters(char_list=[str(v) for v in range(log_probs.shape[1])])
    text, _ = peer.prepare_token_list(config, [targets])

    def align() -> None:
        peer.ctc_segmentation(config, log_probs, text)

    return align


PEERS: dict[str, Prepare] = {
    "torchaudio": torchaudio,
    "hirschberg": hirschberg,
    "ctc-seg": ctc_segmentation,
}


def in_turns(aligners: dict[str, Align], rounds: int) -> dict[str, tuple[float, float | None]]:
    """Time aligners one after the other, round by round: median CPU seconds, and the score.

    A turn is as many calls as take 5 ms or so; the first round is not counted.
    """
    scores = {name: align() for name, align in aligners.items()}
    calls = {}
    for name, align in aligners.items():
        began = time.process_time()
        align()
        calls[name] = max(1, int(5e-3 / max(1e-6, time.process_time() - began)))
    times: dict[str, list[float]] = {name: [] for name in aligners}
    for _ in range(rounds):
        for name, align in aligners.items():
            began = time.process_time()
            for _ in range(calls[name]):
                align()
            times[name].append((time.process_time() - began) / calls[name])
    return {name: (median(times[name]), scores[name]) for name in aligners}


def _k2_against_ours(problem: Path) -> None:
    import k2
    import torch

    sys.path.insert(0, str(ROOT))
    torch.set_num_threads(1)
    with np.load(problem) as arrays:
        log_probs, targets = arrays["log_probs"], arrays["targets"]
        rounds = int(arrays["rounds"])
    emissions = torch.from_numpy(log_probs)[None]
    segments = torch.tensor([[0, 0, len(log_probs)]], dtype=torch.int32)

    def prepare(beam: float) -> Align:
        def align() -> float:
            graph = k2.ctc_graph([targets.tolist()])
            lattice = k2.intersect_dense(graph, k2.DenseFsaVec(emissions, segments), beam)
            best = k2.shortest_path(lattice, use_double_scores=True)
            return float(best.get_tot_scores(use_double_scores=True, log_semiring=False))

        return align

    aligners = {
        "ours": ours(log_probs, targets),
        "k2 exact": prepare(1e10),
        "k2 beam 10": prepare(10.0),
    }
    print(json.dumps(in_turns(aligners, rounds)))


if __name__ == "__main__":
    _k2_against_ours(Path(sys.argv[sys.argv.index("--k2") + 1]))
