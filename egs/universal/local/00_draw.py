"""Draw recordings of so many hours from a manifest, by a hash of their ids.

python local/00_draw.py MANIFEST OUTPUT HOURS

A manifest that is shorter is taken whole; paths become absolute. Later stages label and encode only
what was drawn.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import click


@click.command(help=__doc__)
@click.argument("manifest", type=click.Path(exists=True, path_type=Path))
@click.argument("output", type=click.Path(path_type=Path))
@click.argument("hours", type=float)
def main(manifest: Path, output: Path, hours: float) -> None:
    """Write the rows that were drawn, in the order of the manifest."""
    rows = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        row["audio_filepath"] = str(manifest.resolve().parent / row["audio_filepath"])
        row.setdefault("id", Path(row["audio_filepath"]).stem)
    drawn: set[int] = set()
    seconds = 0.0
    for number in sorted(range(len(rows)), key=lambda n: zlib.crc32(rows[n]["id"].encode())):
        if seconds >= 3600 * hours:
            break
        drawn.add(number)
        seconds += rows[number]["duration"]
    temporary = output.with_suffix(".tmp")
    temporary.write_text(
        "".join(json.dumps(rows[n], ensure_ascii=False) + "\n" for n in sorted(drawn)),
        encoding="utf-8",
    )
    temporary.replace(output)
    click.echo(f"{output}: {len(drawn)} utterances, {seconds / 3600:.2f} h", err=True)


if __name__ == "__main__":
    main()
