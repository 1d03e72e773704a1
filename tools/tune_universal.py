"""Compare temperatures of a model of any language with models of languages it was not trained on.

    python tools/tune_universal.py MODEL --set de=MANIFEST=german-whisper [--set nl=MANIFEST=FOLDER]
        [--temperature 1 --temperature 1.5] [--encoder DIR] [--count 45]

Of each corpus, the recordings that training holds out are aligned by the model of that language,
and by MODEL from eSpeak NG's pronunciations; the differences of word boundaries are printed. MODEL
should not have that language in its training data.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from speechalign.aligners.aligner import Aligner  # noqa: E402
from speechalign.corpus import read_corpus  # noqa: E402
from speechalign.metrics import compare_alignments  # noqa: E402
from speechalign.models import load_model  # noqa: E402
from speechalign.models.neural_hmm.articulatory import ArticulatoryHmm  # noqa: E402
from speechalign.pipeline.align_corpus import align_corpus  # noqa: E402
from speechalign.training.frame_store import held_out  # noqa: E402


class _Remembered(ArticulatoryHmm):
    """The model, which scores a recording once for all temperatures."""

    known: dict[bytes, np.ndarray]

    def log_posteriors(self, samples: np.ndarray) -> np.ndarray:
        """Return the stored outputs."""
        key = samples.tobytes()
        if key not in self.known:
            self.known[key] = super().log_posteriors(samples)
        return self.known[key]

    def _with(self, parameters):  # type: ignore[no-untyped-def]
        made = super()._with(parameters)
        made.__class__, made.known = _Remembered, self.known
        return made


def main() -> None:
    """Align, compare, print a row for each temperature and set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--set", action="append", required=True, dest="sets")
    parser.add_argument("--temperature", action="append", type=float)
    parser.add_argument("--encoder")
    parser.add_argument("--count", type=int, default=45)
    options = parser.parse_args()
    model = load_model(options.model, encoder=options.encoder)
    model.__class__, model.known = _Remembered, {}
    print("set  temperature      n     mean  median   20    50 ms")
    for given in options.sets:
        language, manifest, reference = given.split("=")
        utterances = [u for u in read_corpus(Path(manifest)) if held_out(u.id)][: options.count]
        with tempfile.TemporaryDirectory() as folder:
            gold = Path(folder) / "reference"
            own = {"encoder": options.encoder} if reference.endswith("-whisper") else {}
            align_corpus(utterances, Aligner(load_model(reference, **own)), gold, jobs=1)
            for temperature in options.temperature or [1.0, 1.5, 2.0]:
                model.temperature = temperature
                out = Path(folder) / str(temperature)
                align_corpus(utterances, Aligner(model, language=language), out, jobs=1)
                row = compare_alignments(gold, out, tier="words").pooled.both
                print(
                    f"{language:4} {temperature:11} {row.n:6} {1000 * row.mean:8.2f} "
                    f"{1000 * row.median:7.2f} {100 * row.f1:5.1f} {100 * row.within[0.05]:5.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
