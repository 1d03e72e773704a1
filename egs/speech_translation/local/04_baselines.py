"""Write the links of baselines that do not use the speech.

    python local/04_baselines.py CORPUS LANGUAGE OUT

CORPUS is what speech_gold_alignment.py wrote, LANGUAGE its source. Each target word except
punctuation is linked to one source word: a random one (OUT/chance.talp); the one at the same
relative position, counted in words (OUT/diagonal.talp), or in time (OUT/diagonal_time.talp).
"""

from __future__ import annotations

import random
from pathlib import Path

import click

from speechalign import read_alignment
from speechalign.links import Links, format_links, is_punctuation, read_parallel, timed_words


@click.command(help=__doc__)
@click.argument("corpus", type=click.Path(exists=True, path_type=Path))
@click.argument("language")
@click.argument("out", type=click.Path(path_type=Path))
def main(corpus: Path, language: str, out: Path) -> None:
    """Write a file for each baseline."""
    rng = random.Random(0)
    found: dict[str, list[Links]] = {"chance": [], "diagonal": [], "diagonal_time": []}
    for number, (source, target) in enumerate(read_parallel(corpus / "sentences.txt")):
        grid = corpus / language / "textgrids" / f"{number:03d}.TextGrid"
        words = timed_words(read_alignment(grid), source)
        said = [i for i, word in enumerate(words) if word.start is not None]
        middles = {i: (w.start + w.end) / 2 for i, w in enumerate(words) if w.start is not None}  # type: ignore[operator]
        begin, end = words[said[0]].start, words[said[-1]].end
        written = [j for j, word in enumerate(target) if not is_punctuation(word)]
        far = {j: (n + 0.5) / len(written) for n, j in enumerate(written)}
        found["chance"].append(Links((rng.choice(said), j) for j in written))
        found["diagonal"].append(Links((said[int(far[j] * len(said))], j) for j in written))
        times = {j: begin + far[j] * (end - begin) for j in written}  # type: ignore[operator]
        nearest = {j: min(said, key=lambda i, t=t: abs(middles[i] - t)) for j, t in times.items()}  # type: ignore[misc]
        found["diagonal_time"].append(Links((nearest[j], j) for j in written))
    out.mkdir(parents=True, exist_ok=True)
    for name, links in found.items():
        (out / f"{name}.talp").write_text(format_links(links), encoding="utf-8")


if __name__ == "__main__":
    main()
