"""Word error rates of transcription, beside plain generation of transformers and our true text.

    python tools/bench/transcribe.py MODEL CORPUS [--count 40] [--language en] [--aligner NAME]

MODEL is a folder of Whisper. COUNT recordings of CORPUS, chosen by a seed, are transcribed as
`speechalign transcribe` does, in batches, and one by one as transformers' own example does; both
are scored against the transcripts of the corpus. The words of ours that are right are then aligned
within our transcript and within the true one: how far are their boundaries apart? Recordings that
are joined to one long file, 0.5 s apart, with a minute each of silence, of noise and of music in
between, are transcribed as one: what is lost at the seams, and what is made up?
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
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
from speechalign.transcription import load_transcriber

RATE = 16000
_UNHEARD = 0.05  # confidence of a word that `speechalign transcribe` names as made up


def main() -> None:
    """Transcribe, score, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--language", default="en")
    parser.add_argument("--aligner", default=DEFAULT_MODEL)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(options.model)
    assert isinstance(model, WhisperAttention)
    known = [u for u in read_corpus(options.corpus) if u.problem is None]
    chosen = np.random.default_rng(0).permutation(len(known))[: options.count]
    utterances = [known[k] for k in sorted(chosen)]
    aligner = Aligner(options.aligner)
    with tempfile.TemporaryDirectory() as folder:
        begin = time.process_time()
        transcriber = load_transcriber(model, language=options.language)
        found = list(transcribe_corpus(utterances, transcriber, folder, texts=False))
        ours = [" ".join(s.transcript.text for s in one.segments) for one in found]
        spent = time.process_time() - begin
        begin = time.process_time()
        theirs = [generated(model, u, options.language) for u in utterances]
        other = time.process_time() - begin
        print(f"seconds of one core: speechalign {spent:.1f}, transformers {other:.1f}")
        for name, texts in (("speechalign", ours), ("transformers", theirs)):
            print(f"{name}: {errors(utterances, texts)}")
        print(f"right words: {moved(aligner, utterances, ours)}")
        print(f"joined: {joined(model, aligner, utterances, ours, Path(folder), options.language)}")


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


def joined(
    model: WhisperAttention,
    aligner: Aligner,
    utterances: Sequence[Utterance],
    texts: Sequence[str],
    folder: Path,
    language: str,
) -> str:
    """Transcribe all recordings as one, with a minute each of silence, noise and music inside."""
    rng = np.random.default_rng(0)
    seconds = np.arange(60 * RATE) / RATE
    chords = 0.05 * sum(
        np.sin(2 * np.pi * hz * seconds) * (np.sin(np.pi * seconds) ** 2) for hz in (262, 330, 392)
    )
    others = [np.zeros(60 * RATE), 0.01 * pink_noise(60 * RATE, rng) / 3, chords]
    pieces: list[np.ndarray] = []
    inside: list[tuple[float, float]] = []
    for k, utterance in enumerate(utterances):
        if k and k % (len(utterances) // 4 + 1) == 0 and others:
            start = sum(map(len, pieces)) / RATE
            inside.append((start, start + 60))
            pieces.append(others.pop(0))
        pieces += [utterance.waveform(RATE).samples, np.zeros(RATE // 2)]
    soundfile.write(folder / "joined.wav", np.concatenate(pieces).astype(np.float32), RATE)
    source = replace(utterances[0], id="joined", recording="joined", audio=folder / "joined.wav")
    source = replace(source, text="", start=0.0, end=None)
    transcriber = load_transcriber(model, language=language)
    (found,) = transcribe_corpus([source], transcriber, folder / "joined", texts=False)
    whole = plain(" ".join(segment.transcript.text for segment in found.segments))
    truth = [word for utterance in utterances for word in plain(utterance.text)]
    alone = [word for text in texts for word in plain(text)]
    rates = [statistics(truth, words) for words in (whole, alone)]
    made_up = 0
    for one in found.utterances():
        result = aligner.align(one.waveform(aligner.model.sample_rate), one.text)
        if judge(result.confidence, result.words, result.unit)[0] is Status.DOUBTFUL:
            continue
        for word in result.words:
            middle = one.start + (word.start + word.end) / 2
            heard = word.confidence is None or word.confidence >= _UNHEARD
            made_up += heard and any(low <= middle <= high for low, high in inside)
    values = [score(rate).error_rate or 0.0 for rate in rates]
    return (
        f"WER {100 * values[0]:.2f} %, recording by recording {100 * values[1]:.2f} %; "
        f"{made_up} words in {60 * len(inside)} s without speech that nothing flags"
    )


if __name__ == "__main__":
    main()
