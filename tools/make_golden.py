"""Remake the golden files of tests/golden: ``python tools/make_golden.py``.

``tests/golden/sample.json`` is written by hand; every format's file is made from it. Look at the
difference before you commit it.
"""

from pathlib import Path

from speechalign import read_alignment, write_alignment
from speechalign.formats import FORMATS, find_format

GOLDEN = Path(__file__).parents[1] / "tests/golden"


def main() -> None:
    """Write one file for each format."""
    sample = read_alignment(GOLDEN / "sample.json")
    for name in FORMATS:
        path = GOLDEN / name / f"sample{find_format('', format=name).SUFFIXES[0]}"
        path.parent.mkdir(exist_ok=True)
        write_alignment(sample, path, format=name)
        print(path)


if __name__ == "__main__":
    main()
