"""Choose weight and bonus of the letter n-grams in the beam search of `transcribe --ngrams`.

    PYTHONPATH=. python tools/tune_ngrams.py MODEL CORPUS --ngrams FILE [--count 60] [--beams 16]
        [--weights 0.25,0.5,0.75,1] [--bonuses 0,0.5,1,1.5] [--states STORE]

MODEL is a CTC model of letters, or, with ``--states``, the run of a head that
``recipes.steps.train_state_ctc`` trained on STORE. COUNT utterances of CORPUS, chosen by a seed,
are scored once, then decoded: with each weight at the bonus of now, then with each bonus at the
best weight. Measure on other readers than these. What was chosen stands in
`speechalign.transcription.ctc`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from recipes.trainer.decoding import log_probs
from recipes.trainer.encoder_states import stored_encoder
from recipes.trainer.state_head import load_head
from recipes.trainer.state_split import StateSplit
from speechalign.corpus import read_corpus
from speechalign.metrics.word_errors import score, statistics
from speechalign.models import load_model
from speechalign.pipeline.score_transcripts import plain_words
from speechalign.transcription.ctc import CtcTranscriber

Scored = list[tuple[np.ndarray, str]]


def main() -> None:
    """Decode and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--ngrams", type=Path, required=True)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--beams", type=int, default=16)
    parser.add_argument("--weights", default="0.25,0.5,0.75,1")
    parser.add_argument("--bonuses", default="0,0.5,1,1.5")
    parser.add_argument("--states", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.states is None:
        model = load_model(options.model)
        scored = list(heard(model, options.corpus, options.count))
    else:
        model, scored = stored(options.model, options.states, options.corpus, options.count)
    settings = {"language": None, "prompt": None, "translate": False}
    greedy = CtcTranscriber(model, beams=1, ngrams=None, **settings)
    print(f"greedy: WER {error_rate(greedy, scored):.2f} %", flush=True)
    search = CtcTranscriber(model, beams=options.beams, ngrams=options.ngrams, **settings)
    tried = {name: list(map(float, getattr(options, name).split(","))) for name in _PLURALS}
    for plural, name in _PLURALS.items():
        usual, rates = search._ngrams, {}
        for value in tried[plural]:
            search._ngrams = replace(usual, **{name: value})
            rates[value] = error_rate(search, scored)
            told = f"weight {search._ngrams.weight:g}, bonus {search._ngrams.bonus:g}"
            print(f"{told}: WER {rates[value]:.2f} %", flush=True)
        search._ngrams = replace(usual, **{name: min(rates, key=rates.__getitem__)})
    print(f"best: weight {search._ngrams.weight:g}, bonus {search._ngrams.bonus:g}")


_PLURALS = {"weights": "weight", "bonuses": "bonus"}


def heard(model: Any, corpus: Path, count: int) -> Iterator[tuple[np.ndarray, str]]:
    """Yield the (T, V) log-probabilities of recordings, and their texts."""
    known = [u for u in read_corpus(corpus) if u.problem is None]
    for k in np.random.default_rng(0).permutation(len(known))[:count]:
        samples = known[k].waveform(model.sample_rate).samples
        emissions = model.emit(samples[None], np.array([len(samples)]))
        yield emissions.log_probs[0, : emissions.input_lengths[0]], known[k].text


def stored(run: str, store: Path, manifest: Path, count: int) -> tuple[Any, Scored]:
    """Return a head as the model of a transcriber, and what it scores states of a store."""
    head = load_head(Path(run) / "model", encoder=stored_encoder(store).content)
    split = StateSplit(store, manifest)
    chosen = set(np.random.default_rng(0).permutation(len(split.entries))[:count].tolist())
    scored = [
        (scores, split.entries[k].text) for k, scores in log_probs(head, split) if k in chosen
    ]
    told = {"name": run, "unit": "characters", "language": "en"}
    return SimpleNamespace(vocabulary=head.vocabulary, **told), scored


def error_rate(transcriber: CtcTranscriber, scored: Scored) -> float:
    """Return the word error rate of what a transcriber decodes, percent."""
    counts = [
        statistics(plain_words(text), plain_words(transcriber._decode(scores)))
        for scores, text in scored
    ]
    return 100 * cast(float, score(sum(counts[1:], counts[0])).error_rate)


if __name__ == "__main__":
    main()
