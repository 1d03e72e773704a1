# /// script
# dependencies = ["viter==0.5.1"]
# ///
"""viter: Kaldi's recipe in Rust. Trains on the corpus, then aligns it.

The model is trained with viter's defaults on the audio and words of CORPUS alone, and aligns it
with boundaries refined to 1 ms. Of a few recordings viter cannot estimate LDA, and ends with a
panic; they are trained without it (`--no-lda`), and with monophones alone (`--no-tri`) if need be.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path


def main() -> None:
    """Train, align."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--language")
    parser.add_argument("--dictionary", type=Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in options.corpus.rglob("*.lab"):
            target = folder / "corpus" / path.relative_to(options.corpus)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(plain(path.read_text(encoding="utf-8")), encoding="utf-8")
            audio = path.with_suffix(".wav").resolve()
            target.with_suffix(".wav").symlink_to(audio)
        dictionary, model = ["--dict", options.dictionary, "--cpu"], folder / "model.viter"
        for step in ([], ["--no-lda", "--no-sat"], ["--no-tri"]):
            failure = viter("train", folder / "corpus", "-o", model, *dictionary, *step)
            if failure is None:
                break
            print(f"viter train {' '.join(step)}: {failure}")
        failure = viter("align", folder / "corpus", model, "-o", options.out, *dictionary)
        if failure is not None:
            raise SystemExit(f"viter align: {failure}")


def viter(*arguments: object) -> str | None:
    """Run viter; return its message where it fails."""
    command = [Path(sys.executable).parent / "viter", *arguments]
    environment = {"RAYON_NUM_THREADS": "1", **os.environ}
    done = subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    panics = [i + 1 for i, line in enumerate(lines[:-1]) if "panicked" in line]
    return lines[panics[0] if panics else -1] if lines else f"status {done.returncode}"


def plain(text: str) -> str:
    """Return a text in lower case and without punctuation, as DICTIONARY has its words."""
    return "".join(c for c in text.lower() if unicodedata.category(c)[0] != "P")


if __name__ == "__main__":
    main()
