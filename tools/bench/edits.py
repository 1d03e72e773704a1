"""What training gains from boundaries that a user corrected: gold of some speakers as corrections.

    python tools/bench/edits.py CORPUS GOLD [--given spk03,spk09] [--language de] [--phones german]

CORPUS is aligned by a model trained on it. The words of some speakers get the times of GOLD, as if
somebody had corrected them, and the model is trained again with ``--use-edits``; so is MODEL
adapted; and the bias by kinds of phones is taken off MODEL's times with ``--corrections``. Scored
are the words of the other speakers, with and without; intervals resample recordings.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from speechalign.aligners.aligner import Aligner
from speechalign.aligners.boundary_bias import BoundaryBias
from speechalign.alignment import Alignment
from speechalign.corpus import Utterance, read_corpus
from speechalign.formats import read_alignment
from speechalign.metrics.boundaries import BoundaryScore, figures
from speechalign.metrics.resampling import compare_systems
from speechalign.metrics.scoring import Report, report
from speechalign.models import load_model
from speechalign.pipeline.align_corpus import align_corpus
from speechalign.pipeline.edits import read_corrections
from speechalign.pronunciation.lexicon import Pronunciations
from speechalign.training import Trained, adapt, train

Corrections = dict[str, Alignment]


def correct(out: Path, utterances: Sequence[Utterance], gold: Path) -> Corrections:
    """Give the words in some TextGrids of a folder the times of others; return what differs."""
    for utterance in utterances:
        file = out / f"{utterance.recording}.TextGrid"
        words = read_alignment(file).tiers["words"]
        right = read_alignment(gold / f"{utterance.recording}.TextGrid")
        spans = right.tiers["words"]
        if len(words) != len(spans):
            print(f"left out: {utterance.id}: {len(words)} words, gold {len(spans)}")
            continue
        times = [replace(w, start=s.start, end=s.end) for w, s in zip(words, spans)]
        Alignment({"words": times}, right.duration).save(file)
    return {c.result.utterance: c.corrected for c in read_corrections(out)}


def tell(what: str, before: Report, after: Report) -> None:
    """Print the errors without and with an option, and the change."""
    for how, found in (("without", before), ("with", after)):
        assert isinstance(found.pooled, BoundaryScore)
        errors = found.pooled.both
        print(
            f"{how} {what}: mean {1000 * errors.mean:.2f} ms, median {1000 * errors.median:.2f} "
            f"ms, bias {1000 * errors.bias:+.2f} ms, "
            f"within 25 ms {100 * errors.within[0.025]:.1f} %"
        )
    change = compare_systems(after.counts, before.counts, figures, resamples=2000)["mean"]
    print(
        f"{what}: the mean changes by {1000 * change.value:+.2f} ms, 95 % interval "
        f"{1000 * change.low:+.2f} to {1000 * change.high:+.2f} ms"
    )


def main() -> None:
    """Train and adapt with and without corrections; print errors and their differences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("gold", type=Path)
    parser.add_argument("--given", help="speakers to correct (default: the first two)")
    parser.add_argument("--language", default="de")
    parser.add_argument("--phones", default="german", help="source of pronunciations")
    parser.add_argument("--model", default="german-gmm", help="model to adapt")
    options = parser.parse_args()
    utterances = read_corpus(options.corpus)
    speakers = sorted({u.speaker or "" for u in utterances})
    given = options.given.split(",") if options.given else speakers[:2]
    spoken = [u for u in utterances if u.speaker in given]
    others = [u for u in utterances if u.speaker not in given]
    print(f"corrected: {', '.join(given)}; scored: {len(others)} recordings of the others")

    def score(aligner: Aligner) -> Report:
        pairs = {
            result.recording: (
                read_alignment(options.gold / f"{result.recording}.TextGrid"),
                result.alignment,
            )
            for result in align_corpus(others, aligner)
        }
        return report(pairs, tier="words")

    def trained(folder: Path, corrections: Corrections) -> Trained:
        source = Pronunciations(options.language, {}, options.phones)
        return train(
            utterances, source, folder, name="m", licence="", corrections=corrections, jobs=1
        )

    def adapted(folder: Path, corrections: Corrections) -> Trained:
        model = load_model(options.model)
        return adapt(utterances, model, folder, name="m", corrections=corrections, jobs=1)

    ways: dict[str, Callable[[Path, Corrections], Trained]] = {"train": trained, "adapt": adapted}
    with tempfile.TemporaryDirectory() as work:
        for name, fit in ways.items():
            home = Path(work, name)
            fit(home / "plain", {})
            align_corpus(utterances, load_model(home / "plain"), home / "out")
            fit(home / "edits", correct(home / "out", spoken, options.gold))
            before, after = (score(Aligner(home / kind)) for kind in ("plain", "edits"))
            tell(f"{name} --use-edits", before, after)
        plain, out = Aligner(options.model), Path(work, "out")
        align_corpus(utterances, plain, out)
        correct(out, spoken, options.gold)
        corrections = [(c.result, c.corrected) for c in read_corrections(out)]
        bias = BoundaryBias.of(plain.model.name, corrections)
        tell("align --corrections", score(plain), score(Aligner(plain.model, corrections=bias)))


if __name__ == "__main__":
    main()
