"""A generated language and its translation: known words in a very different order.

    python -m recipes.corpora.reordered_language data/text --train 6000

The source is verb-second with adjectives before nouns. The target is verb-final with adjectives
after nouns, has the place before the object, and the time first or last at random: each sentence
has several right translations, between which a model that emits all tokens at once must choose.
Words are made of syllables; each source word has one translation, but every tenth noun has two.
The program writes train, dev and test as NAME.src and NAME.tgt, a sentence in each line. Nothing
is downloaded; the same seed gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

ONSETS = ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z"]
VOWELS = ["a", "e", "i", "o", "u"]
CLASSES = {"noun": 60, "verb": 30, "adjective": 30, "time": 12, "place": 20}


class Language:
    """Words of two languages, and the grammar of both.

    Parameters
    ----------
    rng : numpy Generator
        Draws the words.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        taken: set[str] = set()

        def word(syllables: int) -> str:
            while True:
                made = "".join(rng.choice(ONSETS) + rng.choice(VOWELS) for _ in range(syllables))
                if made not in taken:
                    taken.add(made)
                    return made

        self.words = {
            kind: [
                (word(2), [word(3) for _ in range(2 if kind == "noun" and i % 10 == 0 else 1)])
                for i in range(count)
            ]
            for kind, count in CLASSES.items()
        }

    def sentence(self, rng: np.random.Generator) -> tuple[str, str]:
        """Draw a sentence and a translation."""

        def pick(kind: str) -> tuple[str, str]:
            source, targets = self.words[kind][rng.integers(len(self.words[kind]))]
            return source, str(rng.choice(targets))

        def phrase() -> tuple[list[str], list[str]]:
            noun, adjectives = pick("noun"), [pick("adjective") for _ in range(rng.integers(0, 3))]
            return (
                [*(source for source, _ in adjectives), noun[0]],
                [noun[1], *(target for _, target in adjectives)],
            )

        subject, verb, object_, place, time = (
            phrase(), pick("verb"), phrase(), pick("place"), pick("time"),
        )  # fmt: skip
        source = [*subject[0], verb[0], *object_[0], place[0], time[0]]
        body = [*subject[1], place[1], *object_[1], verb[1]]
        target = [time[1], *body] if rng.random() < 0.5 else [*body, time[1]]
        return " ".join(source), " ".join(target)


@click.command(help=__doc__)
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--train",
    "count",
    type=click.IntRange(min=1),
    default=6000,
    show_default=True,
    help="Number of training sentences.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of words and sentences.")
def main(out: Path, count: int, seed: int) -> None:
    """Write the three splits."""
    rng = np.random.default_rng(seed)
    language = Language(rng)
    out.mkdir(parents=True, exist_ok=True)
    for name, size in (("train", count), ("dev", 300), ("test", 500)):
        pairs = [language.sentence(rng) for _ in range(size)]
        for side, suffix in enumerate(("src", "tgt")):
            lines = "".join(f"{pair[side]}\n" for pair in pairs)
            (out / f"{name}.{suffix}").write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    main()
