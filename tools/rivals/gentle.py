# /// script
# dependencies = []
# ///
"""Gentle: a Kaldi aligner of English, as a server at the address in GENTLE_URL.

Start one with `docker run -p 8765:8765 lowerquality/gentle`, and GENTLE_URL=http://localhost:8765.
"""

import argparse
import json
import os
import urllib.request
import uuid
from pathlib import Path


def main() -> None:
    """Send each recording, write one CTM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--language")
    parser.add_argument("--dictionary")
    options = parser.parse_args()
    url = os.environ.get("GENTLE_URL")
    if not url:
        raise SystemExit("needs the address of a Gentle server in GENTLE_URL")
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "words.ctm").open("w", encoding="utf-8") as out:
        for audio in sorted(options.corpus.rglob("*.wav")):
            name = audio.relative_to(options.corpus).with_suffix("").as_posix()
            try:
                found = ask(url, audio)
            except (OSError, ValueError) as error:
                print(f"{name}: {error}")
                continue
            for word in found["words"]:
                if word["case"] == "success":
                    start, seconds = word["start"], word["end"] - word["start"]
                    print(name, 1, f"{start:.3f} {seconds:.3f} {word['word']}", file=out)


def ask(url: str, audio: Path) -> dict:
    """Return what Gentle answers for a recording and its transcript."""
    boundary = uuid.uuid4().hex
    parts = {"audio": audio.read_bytes(), "transcript": audio.with_suffix(".lab").read_bytes()}
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'
        .encode() + content + b"\r\n"
        for name, content in parts.items()
    )  # fmt: skip
    request = urllib.request.Request(
        f"{url.rstrip('/')}/transcriptions?async=false",
        data=body + f"--{boundary}--\r\n".encode(),
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main()
