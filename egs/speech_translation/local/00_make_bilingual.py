"""Make up English sentences, their German translations and the links between their words.

    python local/00_make_bilingual.py OUT --scored 300 --more 2200 --seed 0

OUT/scored.txt and OUT/more.txt have ``source ||| target``, OUT/gold.talp the links of the first
file, which is to be scored; the second is to train on. English puts the verb in the middle, German
most of it at the end: links cross. Words are chosen uniformly, so that nothing but the speech tells
which comes. Links are exact by construction; where German contracts (*im Garten*) or compounds,
several words have one translation.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import click

from speechalign.links import Links, format_links

# English, German, gender.
NOUNS = [
    ("dog", "Hund", "m"), ("teacher", "Lehrer", "m"), ("apple tree", "Apfelbaum", "m"),
    ("key", "Schlüssel", "m"), ("letter", "Brief", "m"), ("garbage truck", "Müllwagen", "m"),
    ("cat", "Katze", "f"), ("woman", "Frau", "f"), ("lamp", "Lampe", "f"),
    ("bottle", "Flasche", "f"), ("newspaper", "Zeitung", "f"), ("toothbrush", "Zahnbürste", "f"),
    ("child", "Kind", "n"), ("horse", "Pferd", "n"), ("book", "Buch", "n"),
    ("picture", "Bild", "n"), ("boat", "Boot", "n"), ("bicycle", "Fahrrad", "n"),
]  # fmt: skip
ADJECTIVES = [
    ("small", "klein"), ("old", "alt"), ("yellow", "gelb"), ("quiet", "ruhig"), ("heavy", "schwer"),
    ("beautiful", "schön"), ("wet", "nass"), ("famous", "berühmt"),
]  # fmt: skip
# Infinitive and participle, in both languages.
VERBS = [
    ("find", "found", "finden", "gefunden"), ("see", "seen", "sehen", "gesehen"),
    ("carry", "carried", "tragen", "getragen"), ("buy", "bought", "kaufen", "gekauft"),
    ("wash", "washed", "waschen", "gewaschen"), ("forget", "forgotten", "vergessen", "vergessen"),
    ("describe", "described", "beschreiben", "beschrieben"),
    ("hide", "hidden", "verstecken", "versteckt"), ("seek", "sought", "suchen", "gesucht"),
    ("break", "broken", "zerstören", "zerstört"),
]  # fmt: skip
MODALS = [("can", "kann"), ("must", "muss"), ("will", "wird"), ("should", "soll")]
TIMES = [("today", "heute"), ("yesterday", "gestern"), ("often", "oft"), ("never", "nie")]
PLACES = [
    ("in the garden", "im Garten", [(0, 0), (1, 0), (2, 1)]),
    ("at the station", "am Bahnhof", [(0, 0), (1, 0), (2, 1)]),
    ("behind the house", "hinter dem Haus", [(0, 0), (1, 1), (2, 2)]),
    ("without money", "ohne Geld", [(0, 0), (1, 1)]),
    ("in winter", "im Winter", [(0, 0), (1, 1)]),
]
ARTICLES = {("m", 0): "der", ("m", 1): "den", ("f", 0): "die", ("n", 0): "das"}


@dataclass(frozen=True)
class Phrase:
    """Words, their translation, and links between the two."""

    source: list[str]
    target: list[str]
    links: list[tuple[int, int]]


def word(source: str, target: str) -> Phrase:
    """Link all words of either side with each other."""
    a, b = source.split(), target.split()
    return Phrase(a, b, [(i, j) for i in range(len(a)) for j in range(len(b))])


def joined(phrases: list[Phrase]) -> Phrase:
    """Put phrases one after the other, on both sides."""
    return ordered(phrases, list(range(len(phrases))))


def ordered(phrases: list[Phrase], order: list[int]) -> Phrase:
    """Put phrases one after the other; their translations come in another order."""
    source: list[str] = []
    begins = []
    for phrase in phrases:
        begins.append(len(source))
        source += phrase.source
    target: list[str] = []
    links = []
    for k in order:
        links += [(begins[k] + i, len(target) + j) for i, j in phrases[k].links]
        target += phrases[k].target
    return Phrase(source, target, links)


def noun_phrase(rng: random.Random, case: int) -> Phrase:
    """Make up a subject (case 0) or an object (case 1)."""
    english, german, gender = rng.choice(NOUNS)
    accusative = gender == "m" and case == 1
    parts = [word("the", ARTICLES[gender, int(accusative)])]
    if rng.random() < 0.6:
        adjective, stem = rng.choice(ADJECTIVES)
        parts.append(word(adjective, stem + ("en" if accusative else "e")))
    return joined([*parts, word(english, german)])


def sentence(rng: random.Random) -> Phrase:
    """Make up a sentence."""
    subject, thing = noun_phrase(rng, 0), noun_phrase(rng, 1)
    infinitive, participle, german_infinitive, german_participle = rng.choice(VERBS)
    english_place, german_place, links = rng.choice(PLACES)
    place = Phrase(english_place.split(), german_place.split(), links)
    time = word(*rng.choice(TIMES))
    perfect, has = word(participle, german_participle), word("has", "hat")
    simple = word(infinitive, german_infinitive)
    stop, comma = word(".", "."), Phrase([], [","], [])
    form = rng.randrange(5)
    if form == 0:  # the dog has found the key in the garden . / der Hund hat ... gefunden .
        return ordered([subject, has, perfect, thing, place, stop], [0, 1, 4, 3, 2, 5])
    if form == 1:  # the dog must find the key today . / heute muss der Hund ... finden .
        modal = word(*rng.choice(MODALS))
        return ordered([subject, modal, simple, thing, time, stop], [4, 1, 0, 3, 2, 5])
    if form == 2:  # in the garden the dog did not find the key . / im Garten hat der Hund ...
        parts = [place, subject, word("did", "hat"), word("not", "nicht"), simple, thing, stop]
        parts[4] = word(infinitive, german_participle)
        return ordered(parts, [0, 2, 1, 5, 3, 4, 6])
    if form == 3:  # where did the dog find the key today ? / wo hat der Hund heute ... gefunden ?
        parts = [word("where", "wo"), word("did", "hat"), subject]
        parts += [word(infinitive, german_participle), thing, time, word("?", "?")]
        return ordered(parts, [0, 1, 2, 5, 4, 3, 6])
    other = joined(
        [word("the", "der"), word(*rng.choice([("doctor", "Arzt"), ("baker", "Bäcker")]))]
    )
    parts = [other, word("believes", "glaubt"), comma, word("that", "dass"), subject, has]
    return ordered([*parts, perfect, thing, stop], [0, 1, 2, 3, 4, 7, 6, 5, 8])


@click.command(help=__doc__)
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--scored", default=300, show_default=True)
@click.option("--more", default=2200, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(out: Path, scored: int, more: int, seed: int) -> None:
    """Write sentences and links."""
    rng = random.Random(seed)
    found = [sentence(rng) for _ in range(scored + more)]
    lines = [f"{' '.join(p.source)} ||| {' '.join(p.target)}\n" for p in found]
    out.mkdir(parents=True, exist_ok=True)
    (out / "scored.txt").write_text("".join(lines[:scored]), encoding="utf-8")
    (out / "more.txt").write_text("".join(lines[scored:]), encoding="utf-8")
    gold = format_links(Links(phrase.links) for phrase in found[:scored])
    (out / "gold.talp").write_text(gold, encoding="utf-8")


if __name__ == "__main__":
    main()
