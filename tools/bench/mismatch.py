"""How often a transcript that is wrong is noticed, and a right one doubted.

    python tools/bench/mismatch.py MANIFEST.jsonl [MANIFEST.jsonl ...] [--count 200]
        [--model NAME ...] [--encoder DIR] [--condition NAME ...]

Wrong are: that of another recording, that of this and another one, and one that lacks the first,
middle or last third of at least six words. A pair is noticed when it is refused, or ``doubtful``.
Conditions are those of robustness.py: clean, or a kind of noise, mixed anew for each recording.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from robustness import CONDITIONS, Voices, corrupted, load_aligner

from speechalign.aligners.aligner import DEFAULT_MODEL, Aligner
from speechalign.audio.waveform import Waveform
from speechalign.corpus import read_corpus
from speechalign.errors import AlignmentError
from speechalign.pipeline.judgement import judge
from speechalign.pipeline.result import Status


def noticed(aligner: Aligner, waveform: Waveform, text: str) -> bool:
    """Return whether a pair of recording and transcript is refused or doubted."""
    try:
        result = aligner.align(waveform, text)
    except AlignmentError:
        return True
    return judge(result)[0] is Status.DOUBTFUL


def main() -> None:
    """Align each recording with its own transcript and with wrong ones; count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifests", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=200, help="recordings of each manifest")
    parser.add_argument("--model", action="append", help="may be repeated")
    parser.add_argument("--encoder", help="pretrained encoder of the models that have one")
    parser.add_argument("--condition", action="append", choices=CONDITIONS, help="may be repeated")
    options = parser.parse_args()
    for name in options.model or [DEFAULT_MODEL]:
        aligner = load_aligner(name, options.encoder)
        for manifest in options.manifests:
            utterances = [u for u in read_corpus(manifest) if u.problem is None]
            order = np.random.default_rng(2).permutation(len(utterances))[: options.count]
            chosen = [utterances[n] for n in order.tolist()]
            voices = Voices(utterances)
            for condition in options.condition or ["clean"]:
                right, wrong, longer = [], [], []
                without: dict[str, list[bool]] = {"first": [], "middle": [], "last": []}
                for utterance, other in zip(chosen, chosen[1:] + chosen[:1]):
                    if utterance.text == other.text:
                        continue
                    waveform = corrupted(utterance, aligner.model.sample_rate, condition, voices)
                    right.append(noticed(aligner, waveform, utterance.text))
                    wrong.append(noticed(aligner, waveform, other.text))
                    text = f"{utterance.text} {other.text}"
                    longer.append(noticed(aligner, waveform, text))
                    words = utterance.text.split()
                    third = len(words) // 3
                    if third > 1:
                        for part, kept in (
                            ("first", words[third:]),
                            ("middle", words[:third] + words[-third:]),
                            ("last", words[:-third]),
                        ):
                            text = " ".join(kept)
                            without[part].append(noticed(aligner, waveform, text))
                lacking = [f"{100 * np.mean(found or [np.nan]):.1f}" for found in without.values()]
                print(
                    f"{name}: {manifest}, {condition}: {len(right)} recordings; noticed: "
                    f"{100 * np.mean(wrong):.1f} % of wrong transcripts, "
                    f"{100 * np.mean(longer):.1f} % with a sentence too many, "
                    f"{' / '.join(lacking)} % without the first / middle / last third, "
                    f"{100 * np.mean(right):.1f} % of right ones",
                    flush=True,
                )


if __name__ == "__main__":
    main()
