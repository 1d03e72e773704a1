"""LibriSpeech, and its small sister Mini LibriSpeech: read English from audio books.

    python -m recipes.corpora.librispeech download data/download --part dev-clean-2
    python -m recipes.corpora.librispeech prepare data/download/LibriSpeech data/manifests

What it is: about 1000 hours by 2484 volunteers, 16 kHz FLAC, one transcript file for each chapter;
licence CC BY 4.0. https://www.openslr.org/12 (60 GB: train-clean-100, train-clean-360,
train-other-500, dev-clean, dev-other, test-clean, test-other) and https://www.openslr.org/31 (0.5
GB: train-clean-5, dev-clean-2). No speaker is in two parts of different kinds.

    CORPUS/PART/SPEAKER/CHAPTER/SPEAKER-CHAPTER-NNNN.flac
    CORPUS/PART/SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt    NNNN TRANSCRIPT

`prepare` reads the existing parts with lhotse and writes train.jsonl, dev.jsonl and test.jsonl,
after the first word of the parts' names; without a test part, every other speaker of dev goes to
test. known.jsonl has 1 % of the utterances of train, which train then lacks: speakers of the
training. Both commands write .done last. An interrupted download is resumed, and checked against
the md5 sums of the site.

V. Panayotov, G. Chen, D. Povey and S. Khudanpur, "LibriSpeech: an ASR corpus based on public domain
audio books", ICASSP 2015.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
import urllib.request
import zlib
from collections.abc import Sequence
from pathlib import Path

import click

from recipes.program import run
from speechalign.corpus import read_corpus
from speechalign.errors import BackendError, InputError

URL = "https://www.openslr.org/resources"
MINI = ("train-clean-5", "dev-clean-2")
SPLITS = ("train", "dev", "test", "known")


def download(target_dir: Path, *, parts: Sequence[str] = MINI, base_url: str = URL) -> Path:
    """Download, verify and unpack some parts; return the folder ``LibriSpeech``.

    Raises
    ------
    InputError
        A part is unknown, or an archive does not have the checksum of the site.
    OSError
        The network fails; a second call resumes the download.
    """
    try:
        from lhotse.recipes.librispeech import LIBRISPEECH, MINI_LIBRISPEECH
        from lhotse.utils import resumable_download, safe_extract
    except ImportError as missing:
        raise BackendError(f"librispeech: {missing}; pip install 'speechalign[lhotse]'") from None

    target_dir.mkdir(parents=True, exist_ok=True)
    for part in parts:
        if part not in (*LIBRISPEECH, *MINI_LIBRISPEECH):
            raise InputError(f"part: expected one of LibriSpeech's, got {part!r}")
        done = target_dir / "LibriSpeech" / part / ".done"
        if done.exists():
            continue
        folder = f"{base_url}/{31 if part in MINI_LIBRISPEECH else 12}"
        archive = target_dir / f"{part}.tar.gz"
        wanted = _checksum(f"{folder}/md5sum.txt", archive.name)
        if not archive.exists() or _md5(archive) != wanted:
            resumable_download(f"{folder}/{archive.name}", filename=archive)
        if (found := _md5(archive)) != wanted:
            archive.unlink()
            raise InputError(f"{archive}: expected md5 {wanted}, got {found}; download it again")
        with tarfile.open(archive) as tar:
            safe_extract(tar, path=target_dir)
        done.touch()
    return target_dir / "LibriSpeech"


def _checksum(url: str, name: str) -> str:
    """Return the checksum of one file from a list of md5 sums."""
    with urllib.request.urlopen(url, timeout=60) as response:
        for line in response.read().decode().splitlines():
            sums = line.split()
            if len(sums) == 2 and sums[1].lstrip("*") == name:
                return str(sums[0])
    raise InputError(f"{url}: no checksum of {name}")


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def prepare(corpus_dir: Path, output_dir: Path) -> dict[str, int]:
    """Write the manifests of the existing parts; return the number of utterances of each.

    Raises
    ------
    InputError
        A part for training or dev is missing, or an utterance cannot be used.
    """
    try:
        from lhotse.recipes import prepare_librispeech
    except ImportError as missing:
        raise BackendError(f"librispeech: {missing}; pip install 'speechalign[lhotse]'") from None

    splits: dict[str, list[dict[str, object]]] = {name: [] for name in SPLITS}
    try:
        parts = prepare_librispeech(corpus_dir)
    except ValueError as error:
        raise InputError(f"{corpus_dir}: {error}") from None
    for part in sorted(parts):
        recordings = parts[part]["recordings"]
        for supervision in parts[part]["supervisions"]:
            audio = Path(recordings[supervision.recording_id].sources[0].source)
            entry = {
                "audio_filepath": str(audio.resolve()),
                "id": supervision.id,
                "text": supervision.text,
                "speaker": supervision.speaker,
                "duration": supervision.duration,
            }
            split = part.split("-")[0]
            if split == "train" and zlib.crc32(supervision.id.encode()) % 100 == 0:
                split = "known"
            splits[split].append(entry)
    if not splits["test"]:
        speakers = sorted({str(entry["speaker"]) for entry in splits["dev"]})
        tested = set(speakers[1::2])
        splits["test"] = [entry for entry in splits["dev"] if entry["speaker"] in tested]
        splits["dev"] = [entry for entry in splits["dev"] if entry["speaker"] not in tested]
    for name in ("train", "dev"):
        if not splits[name]:
            raise InputError(f"{corpus_dir}: expected a part {name}-*, found none")
    output_dir.mkdir(parents=True, exist_ok=True)
    for name, entries in splits.items():
        path = output_dir / f"{name}.jsonl"
        lines = [json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries]
        path.write_text("".join(lines), encoding="utf-8")
        for utterance in read_corpus(path):
            if utterance.problem:
                raise InputError(f"{path}: {utterance.id}: {utterance.problem}")
    (output_dir / ".done").touch()
    return {name: len(entries) for name, entries in splits.items()}


@click.group(help=__doc__)
def main() -> None:
    """Download or prepare."""


@main.command("download")
@click.argument("target", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--part", "parts", multiple=True, default=MINI, show_default=True, help="Part; repeatable."
)
def _download(target: Path, parts: tuple[str, ...]) -> None:
    """Download parts of the corpus to TARGET/LibriSpeech."""
    click.echo(download(target, parts=parts))


@main.command("prepare")
@click.argument("corpus", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("output", type=click.Path(file_okay=False, path_type=Path))
def _prepare(corpus: Path, output: Path) -> None:
    """Write the manifests of CORPUS, a folder with the parts, to OUTPUT."""
    counts = prepare(corpus, output)
    click.echo(f"{output}: " + ", ".join(f"{value} {name}" for name, value in counts.items()))


if __name__ == "__main__":
    run(main)
