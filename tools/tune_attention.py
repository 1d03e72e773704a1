"""Fit what reads times off the attention of a Whisper model, to speech that another model aligns.

    python tools/tune_attention.py MODEL MANIFEST.jsonl [MANIFEST.jsonl ...] --output FILE.json
        [--count 60] [--heads 14] [--language en] [--teacher NAME]

MODEL is a folder. COUNT recordings of each manifest are aligned by the teacher, whose words are the
truth. Heads are chosen by how well each of them, at its best lag, picks the right word; then a
softmax over words and pause is fitted to all frames (L-BFGS), and the logistic of confidence to
words of right and wrong transcripts. A fifth of the recordings is held out; the figures are theirs:
milliseconds, starts and ends of words, and how many transcripts are doubted.

A FILE in the folder of a model, called attention_reader.json, is used from then on; those in
speechalign/models/data/whisper are for all models of that size. No gold corpus is read.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch

from speechalign.aligners.aligner import DEFAULT_MODEL, Aligner
from speechalign.aligners.attention import best_path
from speechalign.audio.sound_file import read_waveform
from speechalign.audio.waveform import Waveform
from speechalign.models import load_model
from speechalign.models.attention_reader import AttentionReader, lagged, loudness, said
from speechalign.models.whisper_attention import WhisperAttention, decoder_size
from speechalign.pipeline.judgement import judge
from speechalign.pipeline.result import Status
from speechalign.pronunciation.lexicon import normaliser

_TRUSTED = 0.8  # confidence of the teacher in a recording
_LONGEST = 20.0  # seconds
_LAGS = range(-8, 9)  # frames, that the best lag of a head is looked for in
_STEPS = range(-8, 9, 2)  # lags of the filter, around that one
_PENALTY = 1e-3  # of squared weights
_PAIRS = 60  # recordings whose words the confidence is fitted to


@dataclass
class Heard:
    """What the model attends to in a recording, for the tokens that are said.

    Parameters
    ----------
    waveform : Waveform
        The recording.
    text, wrong : str
        Its transcript, and that of another.
    attention : ndarray, shape (heads, L, T), float32
        All heads.
    words : ndarray, shape (L,), int64
        Word of each token.
    truth : ndarray, shape (T,), int64
        Word of each frame; the number of words where there is a pause.
    times : ndarray, shape (W, 2), float64
        Start and end of each word, seconds.
    """

    waveform: Waveform
    text: str
    wrong: str
    attention: np.ndarray
    words: np.ndarray
    truth: np.ndarray
    times: np.ndarray


def main() -> None:
    """Fit, write and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("manifests", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--count", type=int, default=60, help="recordings of each manifest")
    parser.add_argument("--heads", type=int, default=14)
    parser.add_argument("--language", default="en")
    parser.add_argument("--teacher", default=DEFAULT_MODEL)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = cast(WhisperAttention, load_model(options.model))
    teacher = Aligner(options.teacher)
    corpus = [
        one
        for manifest in options.manifests
        for one in listen(model, teacher, manifest, options.count, options.language)
    ]
    held = max(2, len(corpus) // 5)
    order = np.random.default_rng(1).permutation(len(corpus))
    kept, left = [corpus[k] for k in order[held:]], [corpus[k] for k in order[:held]]
    print(f"{len(kept)} recordings to fit, {len(left)} held out")
    reader = fit_times(kept, choose_heads(kept, model, options.heads), model)
    model.reader = reader
    model.reader = reader = replace(reader, confidence=fit_confidence(kept, model, options))
    reader.write(options.output)
    measure(left, model, options.language)


def listen(
    model: WhisperAttention, teacher: Aligner, manifest: Path, count: int, language: str
) -> list[Heard]:
    """Align recordings of a manifest, and let the model hear them."""
    rng = np.random.default_rng(0)
    rows = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    rng.shuffle(rows)
    found: list[Heard] = []
    for k, row in enumerate(rows):
        waveform = read_waveform(manifest.parent / row["audio_filepath"], sample_rate=16000)
        wrong = next(r["text"] for r in rows[k - 1 :: -1] + rows if r["text"] != row["text"])
        if waveform.duration > _LONGEST or len(row["text"].split()) < 3:
            continue
        aligned = teacher.align(waveform, row["text"])
        if aligned.confidence < _TRUSTED:
            continue
        labels = [word.label for word in aligned.words]
        times = np.array([(word.start, word.end) for word in aligned.words])
        attention, _, pieces = model.cross_attention(
            waveform.samples, labels, every_head(model), language=language
        )
        tokens = [k for k, is_said in enumerate(said(labels, pieces)) if is_said]
        words = np.repeat(np.arange(len(labels)), [len(own) for own in pieces])[tokens]
        moments = model.grid.seconds(np.arange(attention.shape[2]) + 0.5)
        truth = np.full(len(moments), len(labels))
        for word, (start, end) in enumerate(times):
            truth[(moments >= start) & (moments < end)] = word
        attention = attention[:, tokens].astype(np.float32)
        found.append(Heard(waveform, row["text"], wrong, attention, words, truth, times))
        if len(found) == count:
            break
    print(f"{manifest}: {len(found)} recordings", flush=True)
    return found


def every_head(model: WhisperAttention) -> list[tuple[int, int]]:
    """Return layer and number of all heads."""
    layers, heads, _, _ = decoder_size(model._network)
    return [(layer, head) for layer in range(layers) for head in range(heads)]


def choose_heads(corpus: list[Heard], model: WhisperAttention, count: int) -> list[tuple[int, int]]:
    """Return the heads that, each at its best lag, attend most to the right word, and that lag."""
    shares = np.zeros((len(every_head(model)), len(_LAGS)))
    for one in corpus:
        right = one.words[:, None] == one.truth[None]
        spoken = one.truth < len(one.times)
        for head, attention in enumerate(one.attention):
            at = np.exp(lagged(attention, _LAGS))
            shares[head] += ((at * right).sum(1) / at.sum(1))[:, spoken].sum(1)
    best = np.argsort(-shares.max(axis=1))[:count]
    return [(int(head), _LAGS[int(shares[head].argmax())]) for head in sorted(best)]


def fit_times(
    corpus: list[Heard], chosen: list[tuple[int, int]], model: WhisperAttention
) -> AttentionReader:
    """Fit the weights of chosen heads and the score of a pause."""
    lags = [[best + step for step in _STEPS] for _, best in chosen]
    batch = []
    for one in corpus:
        features = np.concatenate(
            [lagged(one.attention[head], own) for (head, _), own in zip(chosen, lags)]
        )
        loud = loudness(one.waveform.samples, len(one.truth), stride=model.grid.stride)
        numbers = (one.truth, one.words)
        batch.append(
            (
                torch.tensor(features, dtype=torch.float32),
                torch.tensor(loud, dtype=torch.float32),
                *(torch.tensor(values) for values in numbers),
            )
        )
    width = len(batch[0][0])
    weights = torch.cat([torch.full((width,), 1 / width), torch.tensor([-3.0, 0.0])])
    weights.requires_grad_(True)
    optimiser = torch.optim.LBFGS([weights], max_iter=80, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        total, frames = torch.zeros(()), 0
        for features, loud, truth, words in batch:
            tokens = torch.einsum("f,flt->lt", weights[:width], features)
            pause = weights[width] + weights[width + 1] * loud
            # A word is as likely as the likeliest of its tokens.
            scores = torch.full((int(words.max()) + 1, len(loud)), -1e9)
            places = words[:, None].expand_as(tokens)
            scores = scores.scatter_reduce(0, places, tokens, "amax")
            scores = torch.cat([scores, pause[None]]).T
            total = total + torch.nn.functional.cross_entropy(scores, truth, reduction="sum")
            frames += len(loud)
        loss = total / frames + _PENALTY * (weights[:width] ** 2).sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    found = [round(value, 3) for value in weights.detach().tolist()]
    heads, step = every_head(model), len(_STEPS)
    return AttentionReader(
        decoder=decoder_size(model._network),
        heads=tuple(heads[head] for head, _ in chosen),
        lags=tuple(map(tuple, lags)),
        weights=tuple(tuple(found[k * step : (k + 1) * step]) for k in range(len(chosen))),
        pause=(found[width], found[width + 1]),
        confidence=(0.0, 0.0, 0.0),
    )


def fit_confidence(
    corpus: list[Heard], model: WhisperAttention, options: argparse.Namespace
) -> tuple[float, float, float]:
    """Fit the logistic of right words against those of wrong transcripts."""
    rows, labels = [], []
    for one in corpus[:_PAIRS]:
        for right, text in ((True, one.text), (False, one.wrong)):
            for figures in word_figures(model, one.waveform, text, options.language):
                rows.append([1.0, *figures])
                labels.append(float(right))
    x, y = torch.tensor(rows), torch.tensor(labels)
    weights = torch.zeros(3, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(x @ weights, y)
        loss.backward()
        return loss

    optimiser.step(closure)
    offset, by_text, by_sound = (round(value, 3) for value in weights.detach().tolist())
    return offset, by_text, by_sound


def word_figures(
    model: WhisperAttention, waveform: Waveform, text: str, language: str
) -> list[tuple[float, float]]:
    """Return the two figures of each word that its confidence is made of."""
    labels = [word.label for word in normaliser(language)(text, lambda _: False)]
    attention = model.attend(waveform.samples, labels, language=language)
    _, posteriors = best_path(attention)
    ends = np.cumsum([len(tokens) for tokens in attention.tokens])[:-1]
    by_word = zip(np.split(attention.log_probs, ends), np.split(posteriors, ends))
    return [(float(text.mean()), float(sound.mean())) for text, sound in by_word]


def measure(corpus: list[Heard], model: WhisperAttention, language: str) -> None:
    """Print errors against the teacher, and how many right and wrong transcripts are doubted."""
    aligner = Aligner(model, language=language)
    errors, doubted = [], np.zeros((len(corpus), 2), bool)
    for k, one in enumerate(corpus):
        for right, text in enumerate((one.wrong, one.text)):
            result = aligner.align(one.waveform, text)
            status, _ = judge(result)
            doubted[k, right] = status is Status.DOUBTFUL
        errors.append(np.array([(word.start, word.end) for word in result.words]) - one.times)
    off = 1000 * np.concatenate(errors)
    for name, mean, bias in zip(("starts", "ends"), np.abs(off).mean(axis=0), off.mean(axis=0)):
        print(f"{name}: mean {mean:.1f} ms, bias {bias:+.1f} ms")
    wrong, right = 100 * doubted.mean(axis=0)
    print(f"doubted: {right:.1f} % of right transcripts, {wrong:.1f} % of wrong ones")


if __name__ == "__main__":
    main()
