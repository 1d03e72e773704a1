"""Decode the states of some manifests with CTC heads: words, their errors, times of the letters.

    python -m recipes.steps.decode_states exp/states data/dev.jsonl data/test.jsonl \
        --run exp/1/base --run exp/1/min_wer

Writes RUN/dev.json and so on, for the model RUN/model. Decoding is greedy; with --text FILE, which
may be given several times, it is a prefix beam search with an n-gram model of the letters of these
sentences, one a line, and files are named dev.lm.json. With --samples N, the least number of
errors among N paths drawn from the model is counted too: the oracle, on what the model is trained
on, says how much a loss of sampled errors has to choose from. ``starts`` has the seconds at which
each letter of the transcript begins on its best path; empty if it needs more frames than there
are.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from recipes.program import run
from recipes.trainer.decoding import collapse, log_probs
from recipes.trainer.encoder_states import stored_encoder
from recipes.trainer.letters import SPACE, labels_of, words_from, words_of
from recipes.trainer.state_head import StateCtc, load_head
from recipes.trainer.state_split import StateSplit
from speechalign.errors import AlignmentError, InputError
from speechalign.functional import forced_align
from speechalign.kernels.ctc_sampling import collapse_paths, sample_paths
from speechalign.kernels.word_errors import word_errors
from speechalign.metrics.word_errors import statistics
from speechalign.text.ngram import BackoffModel, train_backoff_model
from speechalign.transcription.beam_search import LanguageModel, beam_search
from speechalign.vocabulary import Vocabulary

_ORDER = 8  # letters
_WIDTH, _CANDIDATES = 12, 6
_SILENT = -0.01  # log-probability of a blank that is sure


def letter_ngrams(sentences: list[str], vocabulary: Vocabulary) -> BackoffModel:
    """Train an n-gram model of letters; InputError where no sentence has any."""
    begin = len(vocabulary)
    rows = []
    for sentence in sentences:
        labels = [label for word in labels_of(words_of(sentence)) for label in word]
        if labels:
            rows.append([begin, *vocabulary.ids(labels), begin + 1])
    if not rows:
        raise InputError("--text: expected sentences, one a line, found none")
    return train_backoff_model(rows, begin + 2, order=_ORDER)


def thinned(scores: np.ndarray, blank: int) -> np.ndarray:
    """Return the frames without those blanks that follow a blank as sure."""
    sure = scores[:, blank] > _SILENT
    kept: np.ndarray = scores[~(sure & np.append(False, sure[:-1]))]
    return kept


def decode(
    model: StateCtc, split: StateSplit, *, samples: int, language: LanguageModel | None
) -> list[dict[str, Any]]:
    """Decode every utterance of a split, in order."""
    found: dict[int, dict[str, Any]] = {}
    blank = model.vocabulary.blank
    assert blank is not None
    symbols = model.vocabulary.symbols
    for index, scores in log_probs(model, split):
        entry = split.entries[index]
        target = np.array(model.vocabulary.ids(entry.phones), np.int64)
        if language is None:
            labels = collapse(scores.argmax(1), blank=blank)[0].tolist()
        else:
            labels = beam_search(
                thinned(scores, blank), blank=blank, width=_WIDTH, candidates=_CANDIDATES,
                model=language,
            )  # fmt: skip
        said, words = words_from([symbols[label] for label in labels]), words_of(entry.text)
        result = {
            "id": entry.id,
            "speaker": entry.speaker,
            "reference": " ".join(words),
            "hypothesis": " ".join(said),
            "counts": statistics(words, said).counts.tolist(),
        }
        if language is None:
            result["starts"] = _starts(model, scores, target, blank)
        if samples:
            result["oracle"] = _oracle(scores, target, symbols.index(SPACE), blank, samples, index)
        found[index] = result
    return [found[index] for index in sorted(found)]


def _oracle(
    scores: np.ndarray, target: np.ndarray, space: int, blank: int, samples: int, seed: int
) -> int:
    """Return the least number of word errors among the greedy path and some that are drawn."""
    lengths = np.full(samples + 1, len(scores))
    drawn = sample_paths(scores[None], lengths[:1], samples, seed=seed)[0]
    said = collapse_paths(
        np.concatenate([drawn, scores.argmax(1)[None]]).astype(np.int64), lengths, blank=blank
    )
    errors = word_errors(
        said.labels, said.counts, np.zeros_like(lengths), target[None], np.array([len(target)]),
        space,
    )  # fmt: skip
    return int(errors.min())


def _starts(model: StateCtc, scores: np.ndarray, target: np.ndarray, blank: int) -> list[float]:
    """Return the second at which each label of the transcript begins on its best path."""
    if not len(target):
        return []
    try:
        path, _ = forced_align(scores[None], target[None], blank=blank)
    except AlignmentError:
        return []
    spans = collapse(path[0], blank=blank)[1]
    return [round(time, 4) for time in model.grid.seconds(spans[:, 0]).tolist()]


@click.command(help=__doc__)
@click.argument("store", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("manifests", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--run", "runs", multiple=True, required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of a training run.",
)  # fmt: skip
@click.option("--samples", default=0, show_default=True, help="Paths drawn for the oracle.")
@click.option(
    "--text", "texts", multiple=True, type=click.Path(exists=True, path_type=Path),
    help="Sentences of the n-gram model, or a manifest of them (default: none).",
)  # fmt: skip
@click.option("--lm-weight", default=0.4, show_default=True, help="Weight of the n-gram model.")
@click.option("--lm-bonus", default=0.6, show_default=True, help="Bonus of a letter.")
def main(
    store: Path,
    manifests: tuple[Path, ...],
    runs: tuple[Path, ...],
    samples: int,
    texts: tuple[Path, ...],
    lm_weight: float,
    lm_bonus: float,
) -> None:
    """Decode, write every utterance, print the error rates."""
    encoder = stored_encoder(store).content
    models = [load_head(folder / "model", encoder=encoder) for folder in runs]
    language = None
    if texts:
        sentences = [
            json.loads(line)["text"] if path.suffix == ".jsonl" else line
            for path in texts
            for line in path.read_text(encoding="utf-8").splitlines()
        ]
        vocabulary = models[0].vocabulary
        begin = len(vocabulary)
        language = LanguageModel(
            letter_ngrams(sentences, vocabulary), begin, begin + 1, lm_weight, lm_bonus
        )
    for manifest in manifests:
        split = StateSplit(store, manifest)
        name = manifest.stem + (".lm" if language else "")
        for folder, model in zip(runs, models):
            utterances = decode(model, split, samples=samples, language=language)
            totals = np.sum([u["counts"] for u in utterances], axis=0)
            rate = totals[1:4].sum() / max(1, totals[0])
            result: dict[str, Any] = {"wer": rate, "utterances": utterances}
            line = f"{folder}: {name}: WER {100 * rate:.2f} %"
            if samples:
                best = sum(u["oracle"] for u in utterances) / max(1, totals[0])
                result |= {"samples": samples, "oracle": best}
                line += f", best of {samples} samples {100 * best:.2f} %"
                line += f", gap {100 * (rate - best):.2f} points"
            temporary = folder / f"{name}.tmp"
            temporary.write_text(json.dumps(result), encoding="utf-8")
            temporary.replace(folder / f"{name}.json")
            click.echo(line)


if __name__ == "__main__":
    torch.set_num_threads(1)
    run(main)
