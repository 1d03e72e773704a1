"""The feature front end against the documented recipe, written again as plain loops."""

import math

import numpy as np
import pytest

from speechalign.models.hmm_gmm.sphinx_features import (
    SAMPLE_RATE,
    STRIDE,
    _remove_noise,
    _tracked_from,
    sphinx_features,
)


def reflect(n, size):
    """Index of sample n of a signal of which only ``size`` samples exist, mirrored at its ends."""
    while not 0 <= n < size:
        n = -n if n < 0 else 2 * (size - 1) - n
    return n


def power_spectra(samples):
    """Power spectrum of each frame, 257 values, from pre-emphasised and windowed samples."""
    scaled = [32768.0 * float(x) for x in samples]
    emphasised = [scaled[0]]
    emphasised += [scaled[n] - 0.97 * scaled[n - 1] for n in range(1, len(scaled))]
    frames = math.ceil(len(samples) / 160)
    mirrored = len(samples) > max(125, frames * 160 - 160 + 410 - 125 - len(samples))
    angles = 2 * math.pi * np.outer(np.arange(257), np.arange(410)) / 512
    spectra = []
    for t in range(frames):
        windowed = []
        for k in range(410):
            n = 160 * t - 125 + k
            n = reflect(n, len(samples)) if mirrored else min(max(n, 0), len(samples) - 1)
            windowed.append(emphasised[n] * (0.54 - 0.46 * math.cos(2 * math.pi * k / 409)))
        spectra.append((np.cos(angles) @ windowed) ** 2 + (np.sin(angles) @ windowed) ** 2)
    return spectra


def filter_energies(spectrum):
    """Energy in 25 triangles of unit area, equally spaced in mel, their corners on bins."""
    mel_low, mel_high = (2595 * math.log10(1 + hz / 700) for hz in (130, 6800))
    corners = []
    for i in range(27):
        hz = 700 * (10 ** ((mel_low + i * (mel_high - mel_low) / 26) / 2595) - 1)
        corners.append(31.25 * math.floor(hz / 31.25 + 0.5))
    energies = []
    for low, middle, high in zip(corners, corners[1:], corners[2:]):
        energy = 0.0
        for k in range(257):
            hz = 31.25 * k
            if low < hz <= middle:
                energy += spectrum[k] * 2 / (high - low) * (hz - low) / (middle - low)
            elif middle < hz < high:
                energy += spectrum[k] * 2 / (high - low) * (high - hz) / (high - middle)
        energies.append(energy)
    return energies


def envelope(before, value):
    share = 0.995 if value >= before else 0.5
    return share * before + (1 - share) * value


def without_noise(frames):
    """Noise removal, filter by filter and frame by frame."""
    gains = [[0.0] * 25 for _ in frames]
    for f in range(25):
        power = frames[0][f]
        noise = floor = power / 20
        peak = 0.0
        for t, energies in enumerate(frames):
            power = 0.7 * power + 0.3 * energies[f]
            noise = envelope(noise, power)
            above = max(power - noise, 1.0)
            floor = envelope(floor, above)
            kept = 0.2 * 0.85 * peak if above < 0.85 * 0.85 * peak else above
            peak = max(0.85 * peak, above)
            gain = max(kept, floor) / power if power > 0 else 1.0
            gains[t][f] = min(max(gain, 1 / 20), 20.0)
    cleaned = []
    for energies, gain in zip(frames, gains):
        around = [gain[max(0, f - 4) : f + 5] for f in range(25)]
        cleaned.append([e * sum(g) / len(g) for e, g in zip(energies, around)])
    return cleaned


def cepstrum(energies):
    logs = [math.log(e + 1e-4) for e in energies]
    values = []
    for i in range(13):
        total = sum(x * math.cos(math.pi * i * (f + 0.5) / 25) for f, x in enumerate(logs))
        total *= math.sqrt((1 if i == 0 else 2) / 25)
        values.append(total * (1 + 11 * math.sin(math.pi * i / 22)))
    return values


def expected_features(samples):
    energies = without_noise([filter_energies(spectrum) for spectrum in power_spectra(samples)])
    cepstra = np.array([cepstrum(e) for e in energies])
    loud = cepstra[cepstra[:, 0] >= 0]
    cepstra -= (loud if len(loud) else cepstra).mean(axis=0)

    def at(t):
        return cepstra[min(max(t, 0), len(cepstra) - 1)]

    frames = range(len(cepstra))
    first = [at(t + 2) - at(t - 2) for t in frames]
    second = [(at(t + 3) - at(t - 1)) - (at(t + 1) - at(t - 3)) for t in frames]
    return np.stack([cepstra.T, np.transpose(first), np.transpose(second)])


def babble(samples, seed=0):
    """Noise whose loudness and colour wander, so that every branch of the recipe is taken."""
    rng = np.random.default_rng(seed)
    noise = np.convolve(rng.normal(size=samples + 30), rng.normal(size=31), "valid")
    loudness = np.exp(2.5 * np.sin(np.arange(samples) / 700 + seed))
    return (0.004 * noise * loudness).astype(np.float32)


@pytest.mark.parametrize("samples", [1, 2, 100, 125, 126, 160, 161, 285, 286, 1000, 8000])
def test_equals_the_recipe_in_plain_loops(samples):
    signal = babble(samples, seed=samples)
    found = sphinx_features(signal)
    assert found.shape == (3, 13, -(-samples // STRIDE))
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_allclose(found, expected_features(signal), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("signal", [np.zeros(2000), np.full(2000, 0.5), np.eye(1, 2000, 900)[0]])
def test_silence_offset_and_click_equal_the_recipe(signal):
    signal = signal.astype(np.float32)
    found = sphinx_features(signal)
    np.testing.assert_allclose(found, expected_features(signal), rtol=1e-4, atol=1e-4)


def test_noise_removal_of_steady_faint_and_absent_sound():
    # Long enough for the floor to reach a steady sound, which short signals above never show.
    rng = np.random.default_rng(0)
    energies = 1e6 * rng.uniform(0.9, 1.1, size=(1500, 25))
    energies[:, 5:10] *= 1e-8
    energies[1200:1210] *= 300
    energies[:, 20:] = 0.0
    found = energies.copy()
    tracked = _tracked_from(found[0])
    for block in np.split(found, [1, 700]):
        _remove_noise(block, tracked)
    np.testing.assert_allclose(found, without_noise(energies.tolist()), rtol=1e-9)
    gains = found[:, :20] / energies[:, :20]
    assert gains.min() < 0.06
    assert gains.max() > 10


@pytest.mark.parametrize("frames", [1, 7])
def test_a_delay_of_whole_frames_shifts_the_features(frames):
    # Digital silence around, so that the noise tracker starts in the same state: what is left of
    # the delay is how far its floor crept, 0.3 % of a power of one.
    quiet = np.zeros(100 * STRIDE, np.float32)
    signal = np.concatenate([quiet, babble(40 * STRIDE), quiet])
    delayed = np.concatenate([np.zeros(frames * STRIDE, np.float32), signal])
    before, after = sphinx_features(signal), sphinx_features(delayed)
    assert after.shape[2] == before.shape[2] + frames
    before, after = before[:, :, 95:145], after[:, :, 95 + frames : 145 + frames]
    assert np.ptp(before) > 10
    np.testing.assert_allclose(after, before, atol=1e-3)


@pytest.mark.parametrize("frame", [30, 31, 77])
def test_frames_are_centred_on_their_own_samples(frame):
    signal = np.zeros(120 * STRIDE, np.float32)
    signal[frame * STRIDE + STRIDE // 2] = 0.9
    assert np.argmax(sphinx_features(signal)[0, 0]) == frame


def test_end_of_the_signal_does_not_reach_back():
    # Of a longer recording, all that precedes is the same but for the mean over the recording.
    signal = babble(60 * STRIDE)
    short, whole = sphinx_features(signal[: 40 * STRIDE]), sphinx_features(signal)
    difference = whole[0, :, :38] - short[0, :, :38]
    np.testing.assert_allclose(difference - difference[:, :1], 0, atol=1e-4)


def test_samples_are_left_as_they_were():
    signal = babble(1000)
    signal.flags.writeable = False
    sphinx_features(signal)


def test_sample_rate_is_what_the_constants_assume():
    assert (SAMPLE_RATE, STRIDE) == (16000, 160)
