"""Write the log-mel features of a manifest, and the phones of its transcripts.

    python -m recipes.steps.compute_features data/train.jsonl data/features/train

Phones are the first pronunciation of each word, from the dictionary of the embedded English model
or, for out-of-vocabulary words, from its G2P model. Utterances that cannot be read or pronounced
are reported, counted and left out. Existing features are kept, unless --overwrite is given.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import click
import numpy as np
import torch

from recipes.program import run
from recipes.trainer.feature_store import FEATURES, INDEX
from speechalign.audio.sound_file import read_waveform
from speechalign.corpus import Utterance, read_corpus
from speechalign.errors import InputError
from speechalign.models import load_model
from speechalign.models.ctc.conv_net import SAMPLE_RATE, LogMel
from speechalign.pronunciation.lexicon import Lexicon


def words_of(lexicon: Lexicon, text: str) -> list[tuple[str, ...]]:
    """Return the phones of each spoken word; InputError for a word without pronunciation."""
    found = []
    for word in lexicon.words(text):
        if word.source in ("noise", "unknown"):
            raise InputError(f"transcript: {word.label!r} has no pronunciation")
        # Of several ways to say a token, such as 1905, the first.
        spoken = word.choices[0][1] if word.choices else word.variants
        found += [variants[0] for variants in spoken]
    return found


def compute(utterances: list[Utterance], out: Path, *, mels: int) -> Counter[str]:
    """Write features and index; return counts of what was written and left out."""
    lexicon = Lexicon(load_model("english-sphinx"))  # type: ignore[arg-type]
    log_mel = LogMel(mels)
    counts: Counter[str] = Counter()
    first = 0
    with (
        (out / FEATURES).open("wb") as features,
        (out / INDEX).open("w", encoding="utf-8") as index,
    ):
        for utterance in utterances:
            try:
                if utterance.problem:
                    raise InputError(utterance.problem)
                words = words_of(lexicon, utterance.text)
                waveform = read_waveform(
                    utterance.audio,
                    sample_rate=SAMPLE_RATE,
                    channel=utterance.channel,
                    start=utterance.start,
                    end=utterance.end,
                )
            except InputError as error:
                click.echo(f"left out: {utterance.id}: {error}", err=True)
                counts["left out"] += 1
                continue
            with torch.inference_mode():
                vectors = log_mel(torch.from_numpy(waveform.samples)[None])[0].numpy()
            features.write(vectors.astype(np.float16).tobytes())
            entry = {
                "id": utterance.id,
                "speaker": utterance.speaker,
                "text": utterance.text,
                "audio": str(utterance.audio),
                "first": first,
                "frames": len(vectors),
                "words": words,
            }
            index.write(json.dumps(entry, ensure_ascii=False) + "\n")
            first += len(vectors)
            counts["utterances"] += 1
            counts["phones"] += sum(map(len, words))
    counts["seconds"] = first // 100
    return counts


@click.command(help=__doc__)
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--mels", default=80, show_default=True, help="Number of mel filters.")
@click.option("--overwrite", is_flag=True, help="Replacement of existing features.")
def main(manifest: Path, out: Path, mels: int, overwrite: bool) -> None:
    """Compute the features in a temporary folder, then move it."""
    if out.exists() and not overwrite:
        click.echo(f"{out}: kept (--overwrite computes it again)")
        return
    temporary = out.with_name(f"{out.name}.{os.getpid()}.tmp")
    temporary.mkdir(parents=True)
    counts = compute(read_corpus(manifest, layout="manifest"), temporary, mels=mels)
    if not counts["utterances"]:
        raise InputError(f"{manifest}: no utterance can be used; see above")
    if out.exists():
        for name in (FEATURES, INDEX):
            (out / name).unlink()
        out.rmdir()
    temporary.replace(out)
    click.echo(f"{out}: " + ", ".join(f"{value} {name}" for name, value in counts.items()))


if __name__ == "__main__":
    torch.set_num_threads(1)
    run(main)
