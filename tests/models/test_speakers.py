"""What models know of speakers: moments of cepstra, and models for one speaker."""

import numpy as np
import pytest
from test_hmm_gmm import build

from speechalign.models import SpeakerModel
from speechalign.models.hmm_gmm.folder import load, save
from speechalign.models.hmm_gmm.sphinx_features import loud_frames, raw_cepstra
from speechalign.models.speakers import CepstralMoments


def cepstra(frames, seed=0):
    rng = np.random.default_rng(seed)
    return 5 * rng.normal(size=(frames, 13)) + rng.normal(size=13)


def samples_of(seconds=0.5, seed=0, level=0.1):
    rng = np.random.default_rng(seed)
    return (level * rng.normal(size=round(16000 * seconds))).astype(np.float32)


def emit(model, samples):
    return model.emit(samples[None], np.array([len(samples)]))[0]


def test_moments_are_mean_and_deviation_of_the_loud_frames():
    parts = [cepstra(n, seed) for seed, n in enumerate((40, 7, 90))]
    loud = np.concatenate([part[loud_frames(part)] for part in parts])
    moments = sum((CepstralMoments.of(p) for p in parts[1:]), CepstralMoments.of(parts[0]))
    assert moments.frames == len(loud)
    expected = (parts[1] - loud.mean(axis=0)) / loud.std(axis=0)
    np.testing.assert_allclose(moments.normalise(parts[1]), expected, atol=1e-4)


def test_no_bit_depends_on_the_order_of_adding():
    parts = [CepstralMoments.of(cepstra(n, n)) for n in range(3, 40)]
    forward = sum(parts[1:], parts[0])
    backward = sum(parts[-2::-1], parts[-1])
    probe = cepstra(5)
    np.testing.assert_array_equal(forward.normalise(probe), backward.normalise(probe))


def test_silence_and_single_frames_are_no_problem():
    quiet = cepstra(20)
    quiet[:, 0] = -np.abs(quiet[:, 0]) - 1
    assert CepstralMoments.of(quiet).frames == 20
    found = CepstralMoments.of(quiet[:1]).normalise(quiet[:1])
    np.testing.assert_allclose(found, 0.0, atol=1e-4)


def test_a_model_for_a_speaker_hears_all_that_they_say():
    model = build(by_speaker=True)
    assert isinstance(model, SpeakerModel)
    one, other = samples_of(), samples_of(0.8, seed=1, level=0.01)
    np.testing.assert_array_equal(
        emit(model, one), emit(model.for_speaker("ann", model.hear(one)), one)
    )
    both = model.for_speaker("ann", model.hear(one) + model.hear(other))
    assert np.abs(emit(both, one) - emit(model, one)).max() > 1
    raw = raw_cepstra(one)
    expected = (CepstralMoments.of(raw) + model.hear(other)).normalise(raw)
    np.testing.assert_allclose(
        emit(both, one)[:, 3],
        model.mixtures.log_likelihoods(
            np.ascontiguousarray(_streams(expected), np.float32), np.array([3])
        )[:, 0],
        rtol=1e-5,
    )
    # The model itself, and one that normalises by recording, do not change.
    plain = build()
    np.testing.assert_array_equal(
        emit(plain.for_speaker("ann", plain.hear(other)), one), emit(plain, one)
    )


def _streams(values):
    around = np.pad(values, ((3, 3), (0, 0)), "edge")
    delta = around[5:-1] - around[1:-5]
    second = (around[6:] - around[2:-4]) - (around[4:-2] - around[:-6])
    return np.stack([values, delta, second]).transpose(0, 2, 1)


@pytest.mark.parametrize("known", [True, False])
def test_transforms_are_taken_by_name(known, tmp_path):
    rng = np.random.default_rng(0)
    ann, others = np.eye(13, 14) + 0.1 * rng.normal(size=(2, 3, 13, 14))
    transforms = {"ann": ann, "": others} if known else {"": others}
    save(build(transforms=transforms, by_speaker=True), tmp_path / "model", texts={})
    model = load(tmp_path / "model")
    assert model.by_speaker
    assert model.transforms.keys() == transforms.keys()
    samples = samples_of()
    plain = build(by_speaker=True)
    chosen = ann if known else others
    features = _streams(CepstralMoments.of(raw_cepstra(samples)).normalise(raw_cepstra(samples)))
    moved = np.einsum("rij,rjt->rit", chosen[:, :, :13], features) + chosen[:, :, 13:]
    states = np.arange(12)
    expected = plain.mixtures.log_likelihoods(
        np.ascontiguousarray(moved, np.float32), states
    ) + np.sum([np.log(abs(np.linalg.det(a))) for a in chosen[:, :, :13]])
    found = emit(model.for_speaker("ann", None), samples)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-2)
    if not known:
        np.testing.assert_array_equal(emit(model, samples), found)
