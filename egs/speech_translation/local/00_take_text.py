"""Write the sentences of a gold set, and more sentences to train on.

    python local/00_take_text.py OUT --sentences FILE --gold FILE [--swap] [--limit N]
        [--more SOURCE.gz TARGET.gz --more-limit N]

OUT/scored.txt and OUT/gold.talp are those of the gold set. OUT/more.txt has the first pairs of two
parallel files whose source has at most 12 words, tokenised as gold sets are: lower case,
punctuation apart.
"""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import click

from speechalign.links import format_links, read_links, read_parallel

LONGEST = 12
_WORD = re.compile(r"\w+(?:[-'’]\w+)*|[^\w\s]")


def words(line: str) -> list[str]:
    """Cut a sentence into words and punctuation."""
    return _WORD.findall(line.lower())


def more_pairs(source: Path, target: Path, limit: int) -> list[tuple[list[str], list[str]]]:
    """Return the first short pairs of two files."""
    found = []
    with (
        gzip.open(source, "rt", encoding="utf-8") as a,
        gzip.open(target, "rt", encoding="utf-8") as b,
    ):
        for pair in zip(a, b, strict=True):
            left, right = map(words, pair)
            if 0 < len(left) <= LONGEST and right and len(found) < limit:
                found.append((left, right))
    return found


@click.command(help=__doc__)
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--sentences", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--gold", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--swap", is_flag=True)
@click.option("--limit", type=int)
@click.option("--more", nargs=2, type=click.Path(exists=True, path_type=Path))
@click.option("--more-limit", default=4000, show_default=True)
def main(
    out: Path,
    sentences: Path,
    gold: Path,
    swap: bool,
    limit: int | None,
    more: tuple[Path, Path] | None,
    more_limit: int,
) -> None:
    """Write both texts."""
    out.mkdir(parents=True, exist_ok=True)
    file = read_links(gold)
    links = [file.sentences[name] for name in file.names][:limit]
    pairs = read_parallel(sentences)[:limit]
    if swap:
        links, pairs = [each.swapped() for each in links], [(b, a) for a, b in pairs]
    extra = more_pairs(*more, more_limit) if more else []
    for name, found in (("scored.txt", pairs), ("more.txt", extra)):
        lines = (f"{' '.join(source)} ||| {' '.join(target)}\n" for source, target in found)
        (out / name).write_text("".join(lines), encoding="utf-8")
    (out / "gold.talp").write_text(format_links(links), encoding="utf-8")


if __name__ == "__main__":
    main()
