"""Aligners that the benchmarks compare, behind one signature: (audio, text) -> Alignment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from speechalign.aligners.aligner import Aligner
from speechalign.alignment import Alignment, Interval
from speechalign.audio.sound_file import read_waveform

Align = Callable[[Path, str], Alignment]


def ours() -> Align:
    """Load speechalign with its default model."""
    aligner = Aligner()

    def align(audio: Path, text: str) -> Alignment:
        waveform = read_waveform(audio, sample_rate=aligner.model.sample_rate)
        return aligner.align(waveform, text).alignment

    return align


def pocketsphinx() -> Align:
    """Load pocketsphinx's decoder in its forced-alignment mode, with its own defaults."""
    from pocketsphinx import Decoder

    decoder = Decoder(lm=None, loglevel="FATAL")

    def align(audio: Path, text: str) -> Alignment:
        samples, rate = soundfile.read(audio, dtype="int16")
        if rate != 16000 or samples.ndim != 1:
            raise ValueError(f"{audio}: expected 16 kHz mono, got {rate} Hz {samples.shape}")
        decoder.set_align_text(text)
        decoder.start_utt()
        decoder.process_raw(samples.tobytes(), full_utt=True)
        decoder.end_utt()
        words = [
            Interval(
                segment.start_frame / 100,
                min((segment.end_frame + 1) / 100, len(samples) / rate),
                segment.word.partition("(")[0],
            )
            for segment in decoder.seg() or ()
            if not segment.word.startswith(("<", "[", "("))
        ]
        return Alignment({"words": words}, len(samples) / rate)

    return align


PEERS: dict[str, Callable[[], Align]] = {"speechalign": ours, "pocketsphinx align": pocketsphinx}


def timit_dev(folder: Path) -> list[tuple[Path, str, Path]]:
    """Return audio, text and gold TextGrid of each recording of the measuring corpus."""
    audio = sorted((folder / "corpus").rglob("*.flac"))
    if not audio:
        raise SystemExit(f"{folder}: no corpus/*/*.flac; give the folder of the measuring data")
    return [
        (
            path,
            path.with_suffix(".lab").read_text(encoding="utf-8"),
            folder / "gold" / path.relative_to(folder / "corpus").with_suffix(".TextGrid"),
        )
        for path in audio
    ]


def seconds(files: list[tuple[Path, str, Path]]) -> float:
    """Return the duration of all recordings."""
    return float(np.sum([soundfile.info(str(audio)).duration for audio, _, _ in files]))
