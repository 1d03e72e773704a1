"""Corrupt clean speech: noise, babble, rooms, telephones and codecs, for training and for tests.

Each function takes samples, float32 in [-1, 1], and returns as many; sounds stay where they are in
time. `corrupt` draws a chain of them from a seed, so that a recording gets the same corruption
wherever and whenever it is asked for.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Sequence

import numpy as np

_MU = 255.0
_SPEED_OF_DECAY = 3 * np.log(10.0)  # amplitude falls by 60 dB within the reverberation time
# libsndfile's scale between 160 and 8 kbit/s, at rates up to 24 kHz: 16 kbit/s.
_MP3_LEVEL = 0.95
_DIRECT = 0.7  # share of a room's energy that comes straight from the mouth


def white_noise(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return noise with equal energy at all frequencies."""
    return rng.standard_normal(count).astype(np.float32)


def pink_noise(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return noise whose energy falls by 3 dB an octave."""
    length = _fast_length(count)
    spectrum = np.fft.rfft(rng.standard_normal(length))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1.0))
    return np.fft.irfft(spectrum, length)[:count].astype(np.float32)


def babble(voices: Sequence[np.ndarray], count: int, rng: np.random.Generator) -> np.ndarray:
    """Return several voices at once, each as loud as the others, from a random place on.

    Parameters
    ----------
    voices : Sequence of ndarray, shape (N,), float32
        Speech of one voice each; a short one is repeated.
    count : int
        Samples wanted.
    rng : numpy.random.Generator
        Chooses where each voice begins.
    """
    mixed = np.zeros(count, np.float32)
    for voice in voices:
        level = np.sqrt(np.mean(voice**2)) + 1e-9
        begin = int(rng.integers(len(voice)))
        mixed += np.resize(np.roll(voice, -begin), count) / level
    return mixed


def add_noise(samples: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    """Add noise at a signal-to-noise ratio, dB, of energies over the whole recording."""
    signal, power = np.mean(samples.astype(np.float64) ** 2), np.mean(noise.astype(np.float64) ** 2)
    if signal == 0 or power == 0:
        return samples
    gain = np.sqrt(signal / power / 10 ** (snr / 10))
    return (samples + np.float32(gain) * noise).astype(np.float32)


def reverberate(
    samples: np.ndarray, seconds: float, sample_rate: int, rng: np.random.Generator
) -> np.ndarray:
    """Put a recording into a room: exponentially decaying noise behind the direct sound.

    Parameters
    ----------
    samples : ndarray, shape (N,), float32
        Samples.
    seconds : float
        Reverberation time (RT60).
    sample_rate : int
        Hz.
    rng : numpy.random.Generator
        Makes the room.

    Returns
    -------
    ndarray, shape (N,), float32
        With the energy of the input; 70 % of the response's energy is the direct sound's.
    """
    count = int(seconds * sample_rate)
    decay = np.exp(-_SPEED_OF_DECAY * np.arange(1, count + 1) / count)
    tail = rng.standard_normal(count) * decay
    tail *= np.sqrt((1 - _DIRECT) / np.sum(tail**2))
    response = np.concatenate([[np.sqrt(_DIRECT)], tail])
    length = _fast_length(len(samples) + len(response))
    spectrum = np.fft.rfft(samples, length) * np.fft.rfft(response, length)
    wet = np.fft.irfft(spectrum, length)[: len(samples)]
    energy = np.sum(wet**2)
    if energy == 0:
        return samples
    wet *= np.sqrt(np.sum(samples.astype(np.float64) ** 2) / energy)
    return wet.astype(np.float32)


def low_pass(samples: np.ndarray, hz: float, sample_rate: int) -> np.ndarray:
    """Remove what is above a frequency."""
    length = _fast_length(len(samples))
    spectrum = np.fft.rfft(samples, length)
    spectrum[np.fft.rfftfreq(length, 1 / sample_rate) > hz] = 0
    return np.fft.irfft(spectrum, length)[: len(samples)].astype(np.float32)


def telephone(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Pass a recording through a telephone: 8 kHz, 8 bits of mu-law (ITU-T G.711)."""
    narrow = np.clip(low_pass(samples, min(3800.0, sample_rate / 2), sample_rate), -1, 1)
    companded = np.sign(narrow) * np.log1p(_MU * np.abs(narrow)) / np.log1p(_MU)
    quantised = np.round(companded * 127) / 127
    expanded = np.sign(quantised) * np.expm1(np.abs(quantised) * np.log1p(_MU)) / _MU
    return low_pass(expanded.astype(np.float32), 4000.0, sample_rate)


def clip(samples: np.ndarray, share: float) -> np.ndarray:
    """Clip a recording so that a share of its samples is at the limit."""
    limit = float(np.quantile(np.abs(samples), 1 - share))
    return np.clip(samples, -limit, limit) if limit > 0 else samples


def mp3(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Write a recording as MP3, 16 kbit/s at rates up to 24 kHz, and read it.

    The delay of encoder and decoder is taken out, as far as a correlation tells it.
    """
    import soundfile

    coded = io.BytesIO()
    soundfile.write(coded, samples, sample_rate, format="MP3", subtype="MPEG_LAYER_III",
                    compression_level=_MP3_LEVEL, bitrate_mode="CONSTANT")  # fmt: skip
    coded.seek(0)
    decoded, _ = soundfile.read(coded, dtype="float32")
    delay = _delay(samples, decoded)
    decoded = np.roll(decoded, -delay) if delay < 0 else decoded[delay:]
    return np.pad(decoded, (0, max(0, len(samples) - len(decoded))))[: len(samples)]


def corrupt(
    samples: np.ndarray,
    sample_rate: int,
    *,
    seed: int | str,
    voice: Callable[[np.random.Generator], np.ndarray] | None = None,
) -> np.ndarray:
    """Draw a corruption from a seed and apply it.

    Parameters
    ----------
    samples : ndarray, shape (N,), float32
        Clean speech.
    sample_rate : int
        Hz.
    seed : int or str
        What it is drawn from; the id of an utterance and a number, for example.
    voice : callable or None
        Draws the speech of another recording for babble; None for no babble.

    Returns
    -------
    ndarray, shape (N,), float32
        At a random level. One in four has a room before the noise; noise is white, pink or babble
        of one to seven at -2 to 22 dB; one in four passes a telephone, a low-pass or a clipped
        amplifier.
    """
    rng = np.random.default_rng(zlib.crc32(str(seed).encode()))
    count = len(samples)
    chain = rng.random(4)
    if chain[0] < 0.3:
        samples = reverberate(samples, float(rng.uniform(0.1, 0.9)), sample_rate, rng)
    if chain[1] < 0.8:
        kind = rng.random()
        if kind < 0.3:
            noise = white_noise(count, rng)
        elif kind < 0.5 or voice is None:
            noise = pink_noise(count, rng)
        else:
            noise = babble([voice(rng) for _ in range(int(rng.integers(1, 8)))], count, rng)
        samples = add_noise(samples, noise, float(rng.uniform(-2, 22)))
    if chain[2] < 0.25:
        kind = rng.random()
        if kind < 0.5:
            samples = telephone(samples / max(1.0, float(np.abs(samples).max())), sample_rate)
        elif kind < 0.75:
            samples = low_pass(samples, float(rng.uniform(2500, 6500)), sample_rate)
        else:
            samples = clip(samples, float(rng.uniform(0.01, 0.15)))
    level = float(np.sqrt(np.mean(samples**2))) + 1e-9
    return (samples * np.float32(10 ** rng.uniform(-2.2, -0.8) / level)).astype(np.float32)


def _fast_length(count: int) -> int:
    return 1 << max(1, count - 1).bit_length()


def _delay(samples: np.ndarray, decoded: np.ndarray) -> int:
    """Return by how many samples ``decoded`` is late."""
    length = _fast_length(len(samples) + len(decoded))
    product = np.fft.rfft(decoded, length) * np.conj(np.fft.rfft(samples, length))
    lag = int(np.argmax(np.fft.irfft(product, length)))
    return lag - length if lag > length // 2 else lag
