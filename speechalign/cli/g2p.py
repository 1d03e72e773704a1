"""speechalign g2p: learn from a dictionary how words are pronounced, and pronounce others."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TextIO

import click

from speechalign.cli.messages import log
from speechalign.cli.options import Commands, option


@click.group(cls=Commands)
def g2p() -> None:
    """Learn from a dictionary how words are pronounced, and predict other words."""


@g2p.command()
@click.argument("dictionary", type=click.Path(path_type=Path))
@click.argument("model_out", type=click.Path(dir_okay=False, path_type=Path))
@option(
    "--order",
    type=click.IntRange(min=1),
    default=7,
    metavar="N",
    help="Length of the longest n-gram, in pieces of a word",
)
@option(
    "--threshold",
    type=click.FloatRange(min=0),
    default=3e-8,
    metavar="X",
    help="Pruning threshold of the n-grams: a higher one makes the model smaller",
)
@option(
    "--min-count",
    type=click.IntRange(min=1),
    default=2,
    metavar="N",
    help="Least count of a piece that is used; take 8 for a dictionary of 100,000 words",
)
@option("--keep-stress", is_flag=True, help="Keep the stress digits of CMU's vowels")
def train(
    dictionary: Path,
    model_out: Path,
    order: int,
    threshold: float,
    min_count: int,
    keep_stress: bool,
) -> None:
    """Learn to pronounce from DICTIONARY, in MFA's or CMU's format; write MODEL_OUT, a file .npz.

    One word in 20 is held out, always the same; the errors of a model trained on the others are
    printed. The model written is then trained on all words. Nothing is drawn at random.

    `speechalign train --phones MODEL_OUT` uses it for out-of-vocabulary words.
    """
    from speechalign.errors import InputError
    from speechalign.text.dictionary import read_dictionary
    from speechalign.text.g2p import train_on_dictionary
    from speechalign.text.g2p_score import held_out_score

    if model_out.suffix != ".npz":
        raise InputError(f"{model_out}: expected a name that ends in .npz")
    entries = read_dictionary(
        dictionary, stress=keep_stress, warn=lambda line: log.warning("warning: %s", line)
    )

    score = held_out_score(entries, order=order, threshold=threshold, min_count=min_count)
    if score is not None:
        print(f"held out: {score}")
    model = train_on_dictionary(entries, order=order, threshold=threshold, min_count=min_count)
    model.save(model_out)
    print(
        f"{model_out}: all {len(entries)} words, {len(model.inventory)} graphones, "
        f"{len(model.ngrams)} n-grams, {model_out.stat().st_size / 1e6:.2f} MB"
    )


@g2p.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("words", nargs=-1)
@option(
    "--file",
    "file",
    type=click.File(encoding="utf-8-sig"),
    metavar="FILE",
    help="File of more words, separated by white space; - for the standard input (default: none)",
)
@option(
    "--nbest",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="Largest number of pronunciations of each word",
)
@click.pass_context
def apply(
    context: click.Context,
    model: Path,
    words: tuple[str, ...],
    file: TextIO | None,
    nbest: int,
) -> None:
    """Predict the pronunciations of WORDS with MODEL, which `speechalign g2p train` wrote.

    Prints lines of a dictionary in MFA's format: word, with --nbest a score, and phones, between
    tabs. The score is the probability of a pronunciation over that of the best one. Words without
    a letter that MODEL knows are named on stderr; exit status 3 where there are any, 4 where there
    are no others.
    """
    from speechalign.errors import InputError
    from speechalign.text.g2p import G2P

    listed = [*words, *(file.read().split() if file else ())]
    if not listed:
        raise click.UsageError("no word to pronounce; give WORDS or --file", context)
    loaded = G2P.load(model)
    failed = 0
    for word in listed:
        try:
            guesses = loaded.pronounce(word, n_best=nbest)
        except InputError as error:
            failed += 1
            log.warning("failed: %s", error)
            continue
        for guess in guesses:
            score = (f"{math.exp(guess.score - guesses[0].score):.6f}",) if nbest > 1 else ()
            print("\t".join((word, *score, " ".join(guess.phones))))
    if failed:
        context.exit(4 if failed == len(listed) else 3)
