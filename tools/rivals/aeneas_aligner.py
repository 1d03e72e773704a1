# /// script
# dependencies = ["numpy==2.2.6", "setuptools==80.9.0", "aeneas-ng==1.7.4.0"]
# ///
"""aeneas: warps the speech of a synthesiser onto the recording. Its maintained fork, aeneas-ng.

Needs the programs ffmpeg, ffprobe and espeak-ng, and to be installed also the Debian packages
libespeak-ng-dev and festival-dev. Settings are those that aeneas recommends for words
(`--presets-word`).
"""

import argparse
import unicodedata
from pathlib import Path

from aeneas.executetask import ExecuteTask
from aeneas.runtimeconfiguration import RuntimeConfiguration
from aeneas.task import Task

_LANGUAGES = {"en": "eng", "de": "deu"}


def main() -> None:
    """Align each recording, write one CTM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--language", required=True, choices=_LANGUAGES)
    parser.add_argument("--dictionary")
    options = parser.parse_args()
    settings = RuntimeConfiguration("mfcc_mask_nonspeech=True|mfcc_mask_nonspeech_l3=True")
    settings["tts"] = "espeak-ng"
    settings.set_granularity(level=3)
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "words.ctm").open("w", encoding="utf-8") as out:
        for audio in sorted(options.corpus.rglob("*.wav")):
            name = audio.relative_to(options.corpus).with_suffix("").as_posix()
            text = options.out / "words.txt"
            words = audio.with_suffix(".lab").read_text(encoding="utf-8").split()
            text.write_text("\n".join(filter(said, words)), encoding="utf-8")
            language = _LANGUAGES[options.language]
            task = Task(f"task_language={language}|is_text_type=plain|os_task_file_format=json")
            task.audio_file_path_absolute = str(audio.resolve())
            task.text_file_path_absolute = str(text.resolve())
            try:
                ExecuteTask(task, rconf=settings).execute()
            except Exception as error:  # whatever a rival raises is the recording's
                print(f"{name}: {error}")
                continue
            for part in task.sync_map_leaves():
                start, end = float(part.begin), float(part.end)
                if part.text and end > start:
                    print(name, 1, f"{start:.3f} {end - start:.3f} {part.text}", file=out)
            text.unlink()


def said(word: str) -> bool:
    """Return whether a word has more than punctuation."""
    return any(unicodedata.category(c)[0] != "P" for c in word)


if __name__ == "__main__":
    main()
