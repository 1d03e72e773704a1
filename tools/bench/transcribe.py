"""Word error rates of transcription, beside plain generation of transformers and our true text.

    python tools/bench/transcribe.py MODEL CORPUS [--count 40] [--language en] [--aligner NAME]
        [--parts words,joined,others,speed,memory] [--minutes 5 15 45] [--beams 1] [--ngrams FILE]

MODEL is a Whisper or CTC model. COUNT recordings of CORPUS, chosen by a seed, are transcribed as
`speechalign transcribe` does, in batches, and scored against the transcripts of the corpus.

words: also one by one, as transformers' own example does (Whisper). The words of ours that are
right are then aligned within our transcript and within the true one: how far are their boundaries
apart?
joined: the recordings as one long file, 0.5 s apart: what is lost at the seams?
others: the same with a minute each of silence, of noise and of music in between: what is made up?
speed: the first fifth beside transformers' pipeline, with its own batches of chunks of 30 s. What
both load once is counted: for ours, what finds speech and what finds sound without words.
memory: the peak of the command, on files of so many minutes, made of all recordings of CORPUS.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import numpy as np
import soundfile
import torch

from speechalign.aligners.aligner import DEFAULT_MODEL, Aligner
from speechalign.audio.augmentation import pink_noise
from speechalign.corpus import Utterance, read_corpus
from speechalign.errors import SpeechAlignError
from speechalign.kernels.edit_distance import edit_distance
from speechalign.metrics.word_errors import score, statistics
from speechalign.models import load_model
from speechalign.models.whisper_attention import WhisperAttention
from speechalign.pipeline.judgement import judge
from speechalign.pipeline.result import Status
from speechalign.pipeline.score_transcripts import plain_words as plain
from speechalign.pipeline.transcribe_corpus import transcribe_corpus
from speechalign.transcription import Transcriber, load_transcriber

RATE = 16000
_UNHEARD = 0.05  # confidence of a word that `speechalign transcribe` names as made up


def main() -> None:
    """Transcribe, score, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--language", default="en")
    parser.add_argument("--aligner", default=DEFAULT_MODEL)
    parser.add_argument("--parts", default="words,joined,others,speed,memory")
    parser.add_argument("--minutes", type=int, nargs="+", default=[5, 15, 45])
    parser.add_argument("--beams", type=int, default=1)
    parser.add_argument("--ngrams", type=Path)
    options = parser.parse_args()
    parts = options.parts.split(",")
    torch.set_num_threads(1)
    model = load_model(options.model)
    transcriber = load_transcriber(
        model, language=options.language, beams=options.beams, ngrams=options.ngrams
    )
    whisper = model if isinstance(model, WhisperAttention) else None
    known = [u for u in read_corpus(options.corpus) if u.problem is None]
    chosen = np.random.default_rng(0).permutation(len(known))[: options.count]
    utterances = [known[k] for k in sorted(chosen)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "memory" in parts:
            for minutes in options.minutes:
                peak = memory(known, minutes, options.model, options.language, folder)
                print(f"memory: {minutes} minutes, {peak:.0f} MB at most", flush=True)
        if "joined" in parts:
            print(f"joined: {joined(utterances, transcriber, folder)}", flush=True)
        if "words" in parts or "joined" in parts:
            begin = time.process_time()
            ours = transcribed(utterances, transcriber, folder / "apart")
            spent = time.process_time() - begin
            print(f"speechalign: {errors(utterances, ours)}, {spent:.1f} s of one core", flush=True)
        if "words" in parts:
            print(f"right words: {moved(Aligner(options.aligner), utterances, ours)}", flush=True)
            if whisper is not None:
                begin = time.process_time()
                theirs = [generated(whisper, u, options.language) for u in utterances]
                spent = time.process_time() - begin
                print(f"transformers: {errors(utterances, theirs)}, {spent:.1f} s of one core")
        if "others" in parts:
            aligner = Aligner(options.aligner)
            print(f"without speech: {made_up(utterances, transcriber, aligner, folder)}")
        if "speed" in parts and whisper is not None:
            first = utterances[: len(utterances) // 5]
            print(f"speed: {speed(whisper, first, options.language, transcriber, folder)}")


def transcribed(
    utterances: Sequence[Utterance], transcriber: Transcriber, folder: Path
) -> list[str]:
    """Return the text of each recording."""
    found = transcribe_corpus(utterances, transcriber, folder, texts=False)
    return [" ".join(s.transcript.text for s in one.segments) for one in found]


def generated(model: WhisperAttention, utterance: Utterance, language: str) -> str:
    """Transcribe a recording as the example in transformers' documentation does."""
    samples = utterance.waveform(RATE).samples
    features = model._extractor(samples, sampling_rate=RATE, return_tensors="pt")
    told = {} if model.language == "en" else {"language": language, "task": "transcribe"}
    with torch.inference_mode():
        tokens = model._network.generate(features["input_features"], **told)
    return str(model._tokenizer.decode(tokens[0].tolist(), skip_special_tokens=True))


def errors(utterances: Sequence[Utterance], texts: Sequence[str]) -> str:
    """Return the word error rate of transcripts."""
    counts = [statistics(plain(u.text), plain(text)) for u, text in zip(utterances, texts)]
    pooled = score(sum(counts[1:], counts[0]))
    assert pooled.error_rate is not None
    return f"WER {100 * pooled.error_rate:.2f} % of {pooled.statistics.words} words"


def moved(aligner: Aligner, utterances: Sequence[Utterance], texts: Sequence[str]) -> str:
    """Return how far the boundaries of right words are from those of the true text."""
    apart: list[float] = []
    for utterance, text in zip(utterances, texts):
        if not plain(text):
            continue
        waveform = utterance.waveform(aligner.model.sample_rate)
        try:
            sides = [aligner.align(waveform, t).words for t in (utterance.text, text)]
        except SpeechAlignError:
            continue
        numbers: dict[str, int] = {}
        rows = [
            np.array([numbers.setdefault(" ".join(plain(w.label)), len(numbers)) for w in words])
            for words in sides
        ]
        for a, b in edit_distance(*rows).pairs.tolist():
            if rows[0][a] == rows[1][b]:
                one, other = sides[0][a], sides[1][b]
                apart += [abs(one.start - other.start), abs(one.end - other.end)]
    return f"{len(apart) // 2}, boundaries {1000 * np.mean(apart):.2f} ms apart"


def long_file(
    utterances: Sequence[Utterance], path: Path, others: Sequence[np.ndarray] = ()
) -> tuple[Utterance, list[tuple[float, float]]]:
    """Write recordings as one, with other sounds in between; return it, and where those are."""
    pieces: list[np.ndarray] = []
    inside: list[tuple[float, float]] = []
    every = len(utterances) // (len(others) + 1) + 1
    for k, utterance in enumerate(utterances):
        if k and k % every == 0 and len(inside) < len(others):
            other = others[len(inside)]
            start = sum(map(len, pieces)) / RATE
            inside.append((start, start + len(other) / RATE))
            pieces.append(other)
        pieces += [utterance.waveform(RATE).samples, np.zeros(RATE // 2)]
    soundfile.write(path, np.concatenate(pieces).astype(np.float32), RATE)
    source = replace(utterances[0], id=path.stem, recording=path.stem, audio=path)
    return replace(source, text="", start=0.0, end=None), inside


def joined(utterances: Sequence[Utterance], transcriber: Transcriber, folder: Path) -> str:
    """Return the error rate of recordings that are joined."""
    begin = time.process_time()
    source, _ = long_file(utterances, folder / "joined.wav")
    (text,) = transcribed([source], transcriber, folder / "joined")
    spent = time.process_time() - begin
    return f"{joined_errors(utterances, text)}; {spent:.1f} s of one core"


def memory(
    utterances: Sequence[Utterance], minutes: int, model: str, language: str, folder: Path
) -> float:
    """Return the peak of memory of the command on so many minutes, in MB."""
    home = folder / f"memory{minutes}"
    (home / "corpus").mkdir(parents=True)
    with soundfile.SoundFile(home / "corpus" / "long.wav", "w", RATE, 1) as sink:
        for utterance in cycle(utterances):
            sink.write(np.append(utterance.waveform(RATE).samples, np.zeros(RATE // 2)))
            if sink.tell() > 60 * minutes * RATE:
                break
    command = [sys.executable, "-m", "speechalign", "transcribe", "--language", language]
    child = subprocess.Popen([*command, str(home / "corpus"), model, str(home / "out")])
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, child.returncode
    return usage.ru_maxrss / 1024


def joined_errors(utterances: Sequence[Utterance], text: str) -> str:
    """Return the word error rate of a transcript of recordings in a row."""
    truth = [word for utterance in utterances for word in plain(utterance.text)]
    return f"WER {100 * (score(statistics(truth, plain(text))).error_rate or 0.0):.2f} %"


def made_up(
    utterances: Sequence[Utterance], transcriber: Transcriber, aligner: Aligner, folder: Path
) -> str:
    """Count the words that are written where nobody speaks, and those that nothing flags."""
    rng = np.random.default_rng(0)
    seconds = np.arange(60 * RATE) / RATE
    chords = 0.05 * sum(
        np.sin(2 * np.pi * hz * seconds) * (np.sin(np.pi * seconds) ** 2) for hz in (262, 330, 392)
    )
    others = [np.zeros(60 * RATE), 0.01 * pink_noise(60 * RATE, rng) / 3, chords]
    source, inside = long_file(utterances, folder / "others.wav", others)
    (found,) = transcribe_corpus([source], transcriber, folder / "others", texts=False)
    written = unflagged = 0
    for one in found.utterances():
        result = aligner.align(one.waveform(aligner.model.sample_rate), one.text)
        doubtful = judge(result)[0] is Status.DOUBTFUL
        for word in result.words:
            middle = one.start + (word.start + word.end) / 2
            heard = word.confidence is None or word.confidence >= _UNHEARD
            if any(low <= middle <= high for low, high in inside):
                written += 1
                unflagged += heard and not doubtful
    return f"{written} words in {60 * len(inside)} s, {unflagged} of them not flagged"


def speed(
    model: WhisperAttention,
    utterances: Sequence[Utterance],
    language: str,
    transcriber: Transcriber,
    folder: Path,
) -> str:
    """Time a long file, ours beside transformers' pipeline."""
    from transformers import WhisperTokenizerFast, pipeline

    source, _ = long_file(utterances, folder / "long.wav")
    begin = time.process_time()
    (text,) = transcribed([source], transcriber, folder / "long")
    ours = time.process_time() - begin
    told = {} if model.language == "en" else {"language": language, "task": "transcribe"}
    theirs = pipeline(
        "automatic-speech-recognition",
        model=model._network,
        tokenizer=WhisperTokenizerFast(
            tokenizer_object=model._tokenizer, pad_token="<|endoftext|>"
        ),
        feature_extractor=model._extractor,
        chunk_length_s=30,
        batch_size=transcriber.batch,
        ignore_warning=True,
    )
    samples = source.waveform(RATE).samples
    begin = time.process_time()
    other = theirs({"raw": samples, "sampling_rate": RATE}, generate_kwargs=told)["text"]
    spent = time.process_time() - begin
    rates = [joined_errors(utterances, one) for one in (text, other)]
    return (
        f"{len(samples) / RATE:.0f} s: {ours:.1f} s of one core, {rates[0]}; "
        f"transformers' pipeline {spent:.1f} s, {rates[1]}"
    )


if __name__ == "__main__":
    main()
