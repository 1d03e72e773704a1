"""Precision: half where a device is faster with it, single where half overflows."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from speechalign.models.device import batch_seconds, half_precision, log_probs_on  # noqa: E402

CPU = torch.device("cpu")
BFLOAT16 = 4 * 2**-8  # as far as scores of 4 nats are told apart
SAMPLES = (0.1 * np.random.default_rng(0).normal(size=(2, 16000))).astype(np.float32)


def test_a_gpu_scores_in_half_precision_and_in_batches():
    assert half_precision(torch.device("cuda:1")) is torch.float16
    assert batch_seconds(torch.device("cuda:1")) > 30
    assert half_precision(CPU) is None
    assert batch_seconds(CPU) == 0


def test_half_precision_is_close_and_its_softmax_is_single(tiny):
    pytest.importorskip("transformers", reason="needs transformers")
    from transformers import AutoModelForCTC

    from speechalign.models.ctc.sample_network import SampleNetwork

    network = SampleNetwork(
        AutoModelForCTC.from_pretrained(tiny("hubert")).eval(), epsilon=1e-7, masked=True
    )
    seen = []
    network.network.lm_head.register_forward_hook(lambda *found: seen.append(found[2].dtype))
    single = log_probs_on(CPU, network)(SAMPLES)
    half = log_probs_on(CPU, network, half=torch.bfloat16)(SAMPLES)
    assert seen == [torch.float32, torch.bfloat16]
    assert half.dtype == np.float32
    assert np.exp(half).sum(axis=2) == pytest.approx(1, abs=1e-5)
    assert 0 < np.abs(half - single).mean() < BFLOAT16
    lengths = np.array([9000, 16000])
    padded = np.where(np.arange(16000) < lengths[:, None], SAMPLES, 0).astype(np.float32)
    batch = log_probs_on(CPU, network, half=torch.bfloat16)(padded, lengths)
    alone = log_probs_on(CPU, network)(padded[:1, :9000])[0]
    assert np.abs(batch[0, : len(alone)] - alone).mean() < BFLOAT16


def test_what_overflows_in_half_precision_is_scored_in_single():
    seen = []

    def logits(samples, *_):
        made = samples.reshape(2, 100, 160) @ torch.ones(160, 3)
        seen.append(made.dtype)
        return made

    loud = np.full((2, 16000), 1000.0, np.float32)
    found = log_probs_on(CPU, logits, half=torch.float16)(loud)
    assert seen == [torch.float16, torch.float32]
    assert found == pytest.approx(np.log(np.full((2, 100, 3), 1 / 3)), abs=1e-5)
    log_probs_on(CPU, logits, half=torch.float16)(SAMPLES)
    assert seen[2:] == [torch.float16]
