"""Train a grapheme-to-phoneme model on a pronunciation dictionary, and measure it.

    python recipes/steps/train_g2p.py --output speechalign/text/data/english_g2p.npz

The dictionary is text: a word, white space, its phones; ``word(2)`` marks a second pronunciation.
The default is cmudict-en-us.dict of the ``pocketsphinx`` wheel (CMU, BSD-like licence).

Words whose CRC-32 is a multiple of 20 (about 5 %) are held out, with all their pronunciations. The
printed error rates are those of a model trained on the others; the model written is then trained
on all words. Nothing is drawn at random: the same dictionary gives the same bytes.
"""

from __future__ import annotations

import os
import re
import sys
import time
import zlib
from pathlib import Path

import click
import pocketsphinx

from speechalign.errors import InputError
from speechalign.text.g2p import G2P, train_g2p

Lexicon = dict[str, list[tuple[str, ...]]]


def read_lexicon(path: Path) -> Lexicon:
    """Read the pronunciations of each word."""
    lexicon: Lexicon = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        word, *phones = line.split() or [""]
        if not phones:
            raise InputError(f"{path}:{number}: expected a word and phones, got {line!r}")
        lexicon.setdefault(re.sub(r"\(\d+\)$", "", word), []).append(tuple(phones))
    return lexicon


def pairs(lexicon: Lexicon) -> list[tuple[str, tuple[str, ...]]]:
    """List every word with each of its pronunciations."""
    return [(word, phones) for word, variants in lexicon.items() for phones in variants]


def edit_distance(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """Count the substitutions, insertions and deletions that turn one sequence into another."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


def evaluate(model: G2P, held_out: Lexicon) -> str:
    """Score the best pronunciation of each word against the nearest one that is listed."""
    wrong = errors = n_phones = 0
    start = time.perf_counter()
    guesses = {word: model.pronounce(word)[0].phones for word in held_out}
    milliseconds = 1000 * (time.perf_counter() - start) / len(held_out)
    for word, guess in guesses.items():
        distance, n = min((edit_distance(guess, ref), len(ref)) for ref in held_out[word])
        wrong += distance > 0
        errors += distance
        n_phones += n
    return (
        f"word error {100 * wrong / len(held_out):.2f} % ({wrong} of {len(held_out)}), "
        f"phone error {100 * errors / n_phones:.2f} % ({errors} of {n_phones}), "
        f"{milliseconds:.1f} ms a word"
    )


@click.command(help=__doc__)
@click.option("--output", type=click.Path(path_type=Path), required=True)
@click.option("--dictionary", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--order", default=7, show_default=True)
@click.option("--threshold", default=3e-8, show_default=True)
@click.option("--min-count", default=8, show_default=True)
def main(
    output: Path, dictionary: Path | None, order: int, threshold: float, min_count: int
) -> None:
    """Measure on held-out words, then train on all and write."""
    if dictionary is None:
        dictionary = Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict"))
    lexicon = read_lexicon(dictionary)
    held_out = {word: v for word, v in lexicon.items() if zlib.crc32(word.encode()) % 20 == 0}
    seen = {word: v for word, v in lexicon.items() if word not in held_out}
    click.echo(f"{dictionary.name}: {len(seen)} words to train on, {len(held_out)} held out")
    model = train_g2p(pairs(seen), order=order, threshold=threshold, min_count=min_count)
    if held_out:
        click.echo(f"held out: {evaluate(model, held_out)}")
    model = train_g2p(pairs(lexicon), order=order, threshold=threshold, min_count=min_count)
    temporary = output.with_name(f"{output.name}.{os.getpid()}.tmp")
    try:
        model.save(temporary)
        temporary.replace(output)
    finally:
        temporary.unlink(missing_ok=True)
    size = output.stat().st_size / 1e6
    click.echo(
        f"{output}: all {len(lexicon)} words, {len(model.inventory)} graphones, "
        f"{len(model.ngrams)} n-grams, {size:.2f} MB"
    )


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"train_g2p.py: {error}")
