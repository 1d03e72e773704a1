"""Generate English sentences, their German translations and the links between their words.

    python local/00_make_bilingual.py OUT --scored 300 --more 1700 --seed 0

OUT/scored.txt and OUT/more.txt have ``source ||| target``, OUT/gold.talp the links of the first
file, which is scored; the second is further training data. English puts the verb in the middle,
German most of it at the end: links cross. Words are chosen uniformly, so that a word can be known
from the speech only. Links are exact by construction; where German contracts (*im Garten*) or
compounds, several words have one translation.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import click

from speechalign.links import Links, format_links

# All nouns are masculine: an article must be recognised, it cannot be inferred from the noun.
NOUNS = [
    ("dog", "Hund"), ("teacher", "Lehrer"), ("apple tree", "Apfelbaum"), ("key", "Schlüssel"),
    ("letter", "Brief"), ("garbage truck", "Müllwagen"), ("doctor", "Arzt"), ("spoon", "Löffel"),
    ("monkey", "Affe"), ("chair", "Stuhl"), ("mountain", "Berg"), ("fish", "Fisch"),
]  # fmt: skip
# English, subject, object, and the ending of an adjective after it as a subject.
ARTICLES = [
    ("the", "der", "den", "e"), ("this", "dieser", "diesen", "e"), ("my", "mein", "meinen", "er"),
    ("every", "jeder", "jeden", "e"),
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
PERFECT = [("has", "hat"), ("had", "hatte")]
THINKING = [("believes", "glaubt"), ("knows", "weiß"), ("hopes", "hofft"), ("says", "sagt")]
TIMES = [("today", "heute"), ("yesterday", "gestern"), ("often", "oft"), ("never", "nie")]
ASKING = [("where", "wo"), ("when", "wann"), ("why", "warum")]
# Prepositions with the article, and places.
CONTRACTED = [("in the", "im"), ("at the", "am"), ("from the", "vom")]
PLACES = [("garden", "Garten"), ("station", "Bahnhof"), ("forest", "Wald"), ("port", "Hafen")]


@dataclass(frozen=True)
class Phrase:
    """Words, their translation, and links between the two."""

    source: list[str]
    target: list[str]
    links: list[tuple[int, int]]


def word(source: str, target: str) -> Phrase:
    """Link each word of one side with each of the other."""
    a, b = source.split(), target.split()
    return Phrase(a, b, [(i, j) for i in range(len(a)) for j in range(len(b))])


def joined(phrases: list[Phrase]) -> Phrase:
    """Concatenate phrases, on both sides."""
    return ordered(phrases, list(range(len(phrases))))


def ordered(phrases: list[Phrase], order: list[int]) -> Phrase:
    """Concatenate phrases; their translations come in another order."""
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


def noun_phrase(rng: random.Random, *, subject: bool) -> Phrase:
    """Draw a subject or an object."""
    english, german = rng.choice(NOUNS)
    article, nominative, accusative, ending = rng.choice(ARTICLES)
    parts = [word(article, nominative if subject else accusative)]
    if rng.random() < 0.6:
        adjective, stem = rng.choice(ADJECTIVES)
        parts.append(word(adjective, stem + (ending if subject else "en")))
    return joined([*parts, word(english, german + "n" * (german == "Affe" and not subject))])


def sentence(rng: random.Random) -> Phrase:
    """Draw a sentence."""
    subject, thing = noun_phrase(rng, subject=True), noun_phrase(rng, subject=False)
    infinitive, participle, german_infinitive, german_participle = rng.choice(VERBS)
    place = joined([word(*rng.choice(CONTRACTED)), word(*rng.choice(PLACES))])
    time, modal, has = (word(*rng.choice(some)) for some in (TIMES, MODALS, PERFECT))
    perfect, simple = word(participle, german_participle), word(infinitive, german_infinitive)
    stop = word(".", ".")
    form = rng.randrange(5)
    if (
        form == 0
    ):  # the dog has found the key in the garden . / der Hund hat im Garten ... gefunden .
        return ordered([subject, has, perfect, thing, place, stop], [0, 1, 4, 3, 2, 5])
    if form == 1:  # the dog must find the key today . / heute muss der Hund den Schlüssel finden .
        return ordered([subject, modal, simple, thing, time, stop], [4, 1, 0, 3, 2, 5])
    if form == 2:  # in the garden the dog must not find the key . / im Garten muss der Hund ...
        parts = [place, subject, modal, word("not", "nicht"), simple, thing, stop]
        return ordered(parts, [0, 2, 1, 5, 3, 4, 6])
    if form == 3:  # where has the dog found the key today ? / wo hat der Hund heute ... gefunden ?
        parts = [word(*rng.choice(ASKING)), has, subject, perfect, thing, time, word("?", "?")]
        return ordered(parts, [0, 1, 2, 5, 4, 3, 6])
    # my dog says that it has found the key . / ... sagt , dass er den Schlüssel gefunden hat .
    thinker, comma = noun_phrase(rng, subject=True), Phrase([], [","], [])
    parts = [thinker, word(*rng.choice(THINKING)), comma, word("that", "dass"), subject, has]
    return ordered([*parts, perfect, thing, stop], [0, 1, 2, 3, 4, 7, 6, 5, 8])


@click.command(help=__doc__)
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--scored", default=300, show_default=True)
@click.option("--more", default=1700, show_default=True)
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
