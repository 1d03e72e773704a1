# /// script
# dependencies = ["pocketsphinx==5.1.1", "soundfile==0.13.1"]
# ///
"""pocketsphinx: its decoder in the mode for forced alignment, English only.

The model and the settings are the package's own. Words that its dictionary lacks are added with the
pronunciations of DICTIONARY.
"""

import argparse
import unicodedata
from pathlib import Path

import soundfile
from pocketsphinx import Decoder


def main() -> None:
    """Align each recording, write one CTM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--language")
    parser.add_argument("--dictionary", type=Path, required=True)
    options = parser.parse_args()
    decoder = Decoder(lm=None, loglevel="FATAL")
    for line in options.dictionary.read_text(encoding="utf-8").splitlines():
        word, phones = line.split("\t")[0], line.split("\t")[-1]
        if decoder.lookup_word(word) is None:
            decoder.add_word(word, phones, False)
    decoder.add_word("zzend", "Z", True)  # the dictionary is read again once
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "words.ctm").open("w", encoding="utf-8") as out:
        for audio in sorted(options.corpus.rglob("*.wav")):
            text = audio.with_suffix(".lab").read_text(encoding="utf-8")
            name = audio.relative_to(options.corpus).with_suffix("").as_posix()
            try:
                words = align(decoder, audio, plain(text))
            except RuntimeError as error:
                print(f"{name}: {error}")
                continue
            for word, start, seconds in words:
                print(name, 1, f"{start:.3f} {seconds:.3f} {word}", file=out)


def align(decoder: Decoder, audio: Path, text: str) -> list[tuple[str, float, float]]:
    """Return word, start and duration in seconds; nothing where the search loses the words."""
    samples, rate = soundfile.read(audio, dtype="int16")
    decoder.set_align_text(text)
    decoder.start_utt()
    decoder.process_raw(samples.tobytes(), full_utt=True)
    decoder.end_utt()
    words = []
    for segment in decoder.seg() or ():
        if not segment.word.startswith(("<", "[", "(")):
            start = segment.start_frame / 100
            end = min((segment.end_frame + 1) / 100, len(samples) / rate)
            words.append((segment.word.partition("(")[0], start, end - start))
    return words


def plain(text: str) -> str:
    """Return a text in lower case and without punctuation, as DICTIONARY has its words."""
    return "".join(c for c in text.lower() if unicodedata.category(c)[0] != "P")


if __name__ == "__main__":
    main()
