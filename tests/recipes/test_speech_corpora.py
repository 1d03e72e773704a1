"""Corpora of the recipes: a fake LibriSpeech, downloaded and prepared; and generated speech."""

import hashlib
import importlib
import json
import tarfile

import numpy as np
import pytest
import soundfile

from speechalign import read_alignment
from speechalign.audio.sound_file import read_waveform
from speechalign.errors import InputError


def recipe(name):
    return importlib.import_module(f"recipes.corpora.{name}")


def write_part(folder, part, speakers, sentences=3):
    generator = np.random.default_rng(1)
    for speaker in speakers:
        chapter = folder / part / str(speaker) / "7"
        chapter.mkdir(parents=True)
        lines = []
        for n in range(sentences):
            name = f"{speaker}-7-{n:04d}"
            noise = generator.normal(0, 0.1, 4000).astype(np.float32)
            soundfile.write(chapter / f"{name}.flac", noise, 16000)
            lines.append(f"{name} SENTENCE NUMBER {n}\n")
        (chapter / f"{speaker}-7.trans.txt").write_text("".join(lines))


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def librispeech():
    pytest.importorskip("lhotse", reason="needs lhotse")
    return recipe("librispeech")


def test_librispeech_has_its_own_parts(librispeech, tmp_path):
    for part, speakers in (("train-clean-5", [1, 2]), ("dev-clean", [3]), ("test-clean", [4])):
        write_part(tmp_path / "LibriSpeech", part, speakers)
    counts = librispeech.prepare(tmp_path / "LibriSpeech", tmp_path / "out")
    assert counts == {"train": 6, "dev": 3, "test": 3, "known": 0}
    entries = {e["id"]: e for e in read(tmp_path / "out" / "train.jsonl")}
    entry = entries["2-7-0001"]
    assert (entry["text"], entry["speaker"], entry["duration"]) == ("SENTENCE NUMBER 1", "2", 0.25)
    assert soundfile.info(entry["audio_filepath"]).frames == 4000
    assert (tmp_path / "out" / ".done").exists()


def test_mini_librispeech_tests_on_half_of_the_speakers_of_dev(librispeech, tmp_path):
    write_part(tmp_path / "x", "train-clean-5", [1], sentences=120)
    write_part(tmp_path / "x", "dev-clean-2", [3, 4, 5])
    counts = librispeech.prepare(tmp_path / "x", tmp_path / "out")
    assert counts["train"] + counts["known"] == 120
    assert counts["known"] > 0
    speakers = {
        name: {e["speaker"] for e in read(tmp_path / "out" / f"{name}.jsonl")}
        for name in ("dev", "test")
    }
    assert speakers == {"dev": {"3", "5"}, "test": {"4"}}


def test_what_is_no_librispeech_is_refused(librispeech, tmp_path):
    (tmp_path / "music").mkdir()
    with pytest.raises(InputError, match="Could not find any of librispeech"):
        librispeech.prepare(tmp_path, tmp_path / "out")
    write_part(tmp_path, "train-clean-5", [1])
    with pytest.raises(InputError, match="expected a part dev-\\*, found none"):
        librispeech.prepare(tmp_path, tmp_path / "out")


@pytest.fixture
def site(tmp_path):
    """Make a site with one archive and its checksum; return its address."""
    write_part(tmp_path / "source" / "LibriSpeech", "dev-clean-2", [3])
    folder = tmp_path / "site" / "31"
    folder.mkdir(parents=True)
    archive = folder / "dev-clean-2.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "source" / "LibriSpeech", "LibriSpeech")
    digest = hashlib.md5(archive.read_bytes()).hexdigest()
    (folder / "md5sum.txt").write_text(f"0123 other.tar.gz\n{digest}  dev-clean-2.tar.gz\n")
    return (tmp_path / "site").as_uri()


def test_a_download_is_verified_and_unpacked_once(librispeech, site, tmp_path):
    target = tmp_path / "download"
    found = librispeech.download(target, parts=["dev-clean-2"], base_url=site)
    assert len(list(found.rglob("*.flac"))) == 3
    assert (found / "dev-clean-2" / ".done").exists()
    assert librispeech.download(target, parts=["dev-clean-2"], base_url="file:///nowhere") == found


def test_a_download_with_another_checksum_is_refused(librispeech, site, tmp_path):
    (tmp_path / "site" / "31" / "md5sum.txt").write_text("0123 dev-clean-2.tar.gz\n")
    target = tmp_path / "download"
    with pytest.raises(InputError, match=r"dev-clean-2\.tar\.gz: expected md5 0123, got"):
        librispeech.download(target, parts=["dev-clean-2"], base_url=site)
    assert not (target / "dev-clean-2.tar.gz").exists()
    with pytest.raises(InputError, match="part: expected one of LibriSpeech's, got 'dev-dirty'"):
        librispeech.download(target, parts=["dev-dirty"], base_url=site)


@pytest.fixture
def generated():
    pytest.importorskip("espeakng_loader", reason="needs espeakng-loader")
    return recipe("generated_speech")


def test_generated_sentences_are_all_different(generated):
    assert len({generated.sentence(n) for n in range(2000)}) == 2000


def test_unspoken_sentences_are_none_that_are_spoken(generated, tmp_path):
    generated.prepare(tmp_path, utterances=3, unspoken=40)
    unspoken = (tmp_path / "text.txt").read_text().splitlines()
    spoken = {entry["text"] for entry in read(tmp_path / "manifest.jsonl")}
    assert len(set(unspoken)) == 40
    assert not spoken & set(unspoken)
    with pytest.raises(InputError, match="there are 20736 sentences, got 20000 to speak and 737"):
        generated.prepare(tmp_path, utterances=20000, unspoken=737)


def test_generated_speech_has_exact_times_and_is_the_same_again(generated, tmp_path):
    seconds = generated.prepare(tmp_path / "a", utterances=3)
    entries = read(tmp_path / "a" / "manifest.jsonl")
    assert seconds == round(sum(e["duration"] for e in entries))
    assert len({e["speaker"] for e in entries}) == 3
    for entry in entries:
        path = tmp_path / "a" / entry["audio_filepath"]
        gold = read_alignment(
            tmp_path / "a" / "gold" / f"{path.relative_to(tmp_path / 'a').with_suffix('')}.TextGrid"
        )
        words = gold.tiers["words"]
        assert [w.label for w in words] == entry["text"].split()
        waveform = read_waveform(path)
        assert waveform.sample_rate == 16000
        assert words[-1].end <= waveform.duration + 1e-3
    (tmp_path / "a" / entries[1]["audio_filepath"]).unlink()
    generated.prepare(tmp_path / "a", utterances=3)
    generated.prepare(tmp_path / "b", utterances=3)
    for path in (tmp_path / "a").rglob("*.*"):
        if path.is_file():
            assert (
                path.read_bytes()
                == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()
            )
