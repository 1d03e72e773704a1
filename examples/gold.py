"""Write the times of one example as a TextGrid; examples/make.sh calls it.

    flite ... -psdur -o SOUND | python examples/gold.py SOUND TRANSCRIPT COUNTS OUT.TextGrid

Standard input holds what ``flite -psdur`` prints: ``phone:end``, the end in seconds. COUNTS is the
number of phones of each word of TRANSCRIPT, with spaces between.
"""

import sys
from itertools import islice

import soundfile

from speechalign import Alignment, Interval, write_alignment

# flite's symbol that the CMU dictionary lacks.
CMU = {"AX": "AH"}


def main(sound: str, transcript: str, counts: str, path: str) -> None:
    """Read phones, group them into words, write both tiers; a pause belongs to no word."""
    phones, start = [], 0.0
    for item in sys.stdin.read().split():
        name, end = item.upper().split(":")
        if name != "PAU":
            phones.append(Interval(start, float(end), CMU.get(name, name)))
        start = float(end)
    left = iter(phones)
    words = []
    for label, count in zip(transcript.split(), counts.split(), strict=True):
        own = list(islice(left, int(count)))
        words.append(Interval(own[0].start, own[-1].end, label))
    if list(left):
        raise SystemExit(f"{path}: {len(phones)} phones, but the words have {counts}")
    duration = soundfile.info(sound).duration
    write_alignment(Alignment({"words": words, "phones": phones}, duration), path)


if __name__ == "__main__":
    main(*sys.argv[1:])
