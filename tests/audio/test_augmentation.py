"""Corruptions of clean speech: levels, bands and lengths are what they say; seeds repeat."""

import numpy as np
import pytest

from speechalign.audio import augmentation as augment
from speechalign.audio.sound_file import read_waveform

RATE = 16000


@pytest.fixture(scope="module")
def speech(request):
    folder = request.config.rootpath / "examples" / "english"
    return read_waveform(folder / "slt" / "tea.flac", sample_rate=RATE).samples


def rng(seed=0):
    return np.random.default_rng(seed)


def power(samples, low, high):
    """Return the share of the energy between two frequencies, Hz."""
    spectrum = np.abs(np.fft.rfft(samples)) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    return spectrum[(hz >= low) & (hz < high)].sum() / spectrum.sum()


@pytest.mark.parametrize("snr", [-5.0, 0.0, 20.0])
def test_noise_is_added_at_the_ratio_that_is_asked_for(speech, snr):
    noisy = augment.add_noise(speech, augment.white_noise(len(speech), rng()), snr)
    noise = noisy - speech
    found = 10 * np.log10(np.mean(speech**2) / np.mean(noise**2))
    assert found == pytest.approx(snr, abs=0.01)


def test_silence_stays_silence():
    silence = np.zeros(1000, np.float32)
    np.testing.assert_array_equal(augment.add_noise(silence, np.ones(1000, np.float32), 0), silence)
    np.testing.assert_array_equal(augment.reverberate(silence, 0.3, RATE, rng()), silence)
    np.testing.assert_array_equal(augment.clip(silence, 0.1), silence)


def test_white_noise_is_flat_and_pink_noise_falls_by_3_db_an_octave():
    count = 1 << 17
    white, pink = augment.white_noise(count, rng()), augment.pink_noise(count, rng())
    octaves = [(500, 1000), (1000, 2000), (2000, 4000), (4000, 8000)]
    shares = [power(white, *octave) for octave in octaves]
    assert shares == pytest.approx([2**k * shares[0] for k in range(4)], rel=0.05)
    shares = [power(pink, *octave) for octave in octaves]
    assert shares == pytest.approx([shares[0]] * 4, rel=0.05)


def test_all_voices_of_babble_are_equally_loud(speech):
    loud, soft = 100 * speech, speech[: RATE // 2]
    mixed = augment.babble([loud, soft], 3 * RATE, rng())
    assert mixed.shape == (3 * RATE,)
    alone = augment.babble([soft], 3 * RATE, rng())
    assert np.mean(mixed**2) == pytest.approx(2 * np.mean(alone**2), rel=0.3)


def test_a_room_keeps_the_energy_and_smears_sounds(speech):
    click = np.zeros(RATE, np.float32)
    click[100] = 1.0
    wet = augment.reverberate(click, 0.5, RATE, rng())
    assert np.argmax(np.abs(wet)) == 100
    assert not wet[:100].any() or np.abs(wet[:100]).max() < 1e-6
    assert np.sum(wet[:101] ** 2) == pytest.approx(0.7, abs=0.01)
    assert np.sum(wet[100 + RATE // 2 :] ** 2) < 1e-5
    assert np.sum(augment.reverberate(speech, 0.5, RATE, rng()) ** 2) == pytest.approx(
        np.sum(speech**2), rel=1e-4
    )


def test_bands(speech):
    assert power(speech, 5000, 8000) > 1e-4
    assert power(augment.low_pass(speech, 3000, RATE), 3100, 8000) < 1e-5
    assert power(augment.telephone(speech, RATE), 4100, 8000) < 1e-5


def test_clipping_holds_a_share_of_the_samples_at_the_limit(speech):
    clipped = augment.clip(speech, 0.1)
    assert np.mean(np.abs(clipped) == np.abs(clipped).max()) == pytest.approx(0.1, abs=0.005)


def test_mp3_keeps_its_time(speech):
    coded = augment.mp3(speech, RATE)
    assert coded.shape == speech.shape
    lag = np.correlate(coded[RATE : 2 * RATE], speech[RATE - 800 : 2 * RATE + 800], "valid")
    assert abs(len(lag) // 2 - int(np.argmax(lag))) <= 1


def test_a_seed_gives_the_same_corruption_and_another_gives_another(speech):
    def voice(generator):
        return np.roll(speech, int(generator.integers(len(speech))))

    def corrupt(seed):
        return augment.corrupt(speech, RATE, seed=seed, voice=voice)

    versions = [corrupt(f"utterance#{n}") for n in range(30)]
    for n, version in enumerate(versions):
        assert version.dtype == np.float32
        assert version.shape == speech.shape
        assert np.isfinite(version).all()
        np.testing.assert_array_equal(version, corrupt(f"utterance#{n}"))
    assert len({version.tobytes() for version in versions}) == len(versions)
    assert augment.corrupt(speech, RATE, seed=3).shape == speech.shape


def test_sounds_stay_where_they_are(speech):
    """The energy of the words of a corrupted recording lies where it lay."""
    envelope = np.convolve(speech**2, np.ones(800), "same")
    shifts = []
    for seed in range(12):
        other = np.convolve(augment.corrupt(speech, RATE, seed=seed) ** 2, np.ones(800), "same")
        product = np.fft.irfft(
            np.fft.rfft(other - other.mean(), 1 << 18) * np.conj(np.fft.rfft(envelope, 1 << 18))
        )
        lag = int(np.argmax(product))
        shifts.append(lag - (1 << 18) if lag > 1 << 17 else lag)
    assert np.median(np.abs(shifts)) < 0.02 * RATE
