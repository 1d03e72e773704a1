"""Boundaries of a recording that is aligned in windows stay in order where the windows meet."""

import numpy as np
import pytest

from speechalign.aligners import phone_boundaries
from speechalign.aligners.phone_noise import NoiseStates
from speechalign.kernels import viterbi
from speechalign.models import load_model


@pytest.mark.parametrize("context", [1, 16])
def test_seams_of_windows(monkeypatch, context):
    # Scores that fit no transcript: posteriors are broad, and every seam is a risk.
    monkeypatch.setattr(phone_boundaries, "_WINDOW", 3)
    monkeypatch.setattr(phone_boundaries, "_CONTEXT", context)
    model = load_model("english-sphinx")
    rng = np.random.default_rng(0)
    for _ in range(20):
        log_probs = 5 * rng.normal(size=(400, 126)).astype(np.float32)
        phones = rng.choice(model.phones, size=30).tolist()
        graph = model.chain(phones)
        spans = model.spans(graph, viterbi(log_probs, graph).arcs)
        samples = 0.1 * rng.normal(size=64000).astype(np.float32)
        times, _ = phone_boundaries.place_boundaries(
            model, NoiseStates(model), log_probs, model.grid, spans, samples, with_margins=False
        )
        assert (np.diff(times) >= 0.01 - 1e-9).all()
        assert (times[0], times[-1]) == (0.0, 4.0)
