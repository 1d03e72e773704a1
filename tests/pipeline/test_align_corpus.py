"""A corpus: whatever befalls one utterance, the others are aligned and all are accounted for."""

import errno
import hashlib
import itertools
import json
import os
import shutil
from pathlib import Path
from queue import SimpleQueue
from threading import Event

import numpy as np
import pytest
import soundfile
import textgrid

from speechalign import read_alignment
from speechalign.aligners.aligner import Aligner
from speechalign.audio.sound_file import Sound, file_hash, read_waveform
from speechalign.corpus import Utterance, read_corpus
from speechalign.errors import InputError
from speechalign.formats import FORMATS, write_alignment
from speechalign.pipeline.align_corpus import align_corpus
from speechalign.pipeline.analysis import ANALYSIS, OOVS
from speechalign.pipeline.manifest import MANIFEST, Manifest
from speechalign.pipeline.result import Status

JOB = "speechalign.pipeline.align_corpus"
TEA = "Two cups of tea cost $5.50, and the view is free."
HARBOUR = "In 1995 the harbour froze; nobody had seen that before."


@pytest.fixture
def corpus(examples, tmp_path):
    return Path(shutil.copytree(examples, tmp_path / "corpus"))


@pytest.fixture
def align(aligner, tmp_path):
    """Align a corpus into tmp_path/out, and return the result of each utterance by its id."""

    def run(corpus, out="out", layout=None, **options):
        utterances = read_corpus(corpus, layout=layout)
        result = align_corpus(utterances, aligner, tmp_path / out, **options)
        assert [found.utterance for found in result.utterances] == [u.id for u in utterances]
        manifest = (tmp_path / out / MANIFEST).read_text(encoding="utf-8").split("\n")[:-1]
        assert [json.loads(line)["utterance"] for line in manifest] == [u.id for u in utterances]
        return {found.utterance: found for found in result.utterances}

    return run


def tree(folder):
    """Files of a folder with their bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def statuses(results):
    return {name: result.status.value for name, result in results.items()}


def two_speakers(folder, examples):
    """A recording of 9.225 s with three utterances by two speakers, as a TextGrid."""
    tea, rate = soundfile.read(examples / "slt/tea.flac")
    harbour, _ = soundfile.read(examples / "slt/harbour.flac")
    folder.mkdir()
    soundfile.write(folder / "talk.wav", np.r_[tea, harbour], rate)
    duration = (len(tea) + len(harbour)) / rate
    grid = textgrid.TextGrid(maxTime=duration)
    for speaker, spans in {
        "Zoë": [(0.0, 3.26, "Two cups of tea cost $5.50,"), (4.75, duration, HARBOUR)],
        "Ann": [(3.26, 4.75, "and the view is free.")],
    }.items():
        tier = textgrid.IntervalTier(speaker, 0, duration)
        for start, end, text in spans:
            tier.add(start, end, text)
        grid.append(tier)
    grid.write(str(folder / "talk.TextGrid"))
    return duration


# --- what is written


def test_textgrids_are_whole_and_exact(corpus, align, tmp_path):
    for name in ("textgrid", "textgrid-short"):
        assert set(statuses(align(corpus, name, formats=[name])).values()) == {"aligned"}
    for path in sorted((tmp_path / "textgrid").rglob("*.TextGrid")):
        name = path.relative_to(tmp_path / "textgrid").with_suffix("")
        info = soundfile.info(corpus / f"{name}.flac")
        grid = textgrid.TextGrid.fromFile(str(path))
        assert [tier.name for tier in grid] == ["words", "phones"]
        assert (grid.minTime, grid.maxTime) == (0, info.frames / info.samplerate)
        words, phones = grid
        for tier in grid:
            assert tier[0].minTime == 0
            assert tier[-1].maxTime == grid.maxTime
            assert all(a.maxTime == b.minTime for a, b in itertools.pairwise(tier))
            assert all(interval.maxTime > interval.minTime for interval in tier)
        edges = {time for word in words for time in (word.minTime, word.maxTime)}
        assert edges <= {time for phone in phones for time in (phone.minTime, phone.maxTime)}
        assert all(phone.maxTime - phone.minTime >= 0.01 - 1e-5 for phone in phones if phone.mark)
        labels = " ".join(word.mark for word in words if word.mark)
        assert labels == (corpus / f"{name}.lab").read_text(encoding="utf-8").strip()
        short = tmp_path / "textgrid-short" / f"{name}.TextGrid"
        assert short.read_bytes() != path.read_bytes()
        assert read_alignment(short) == read_alignment(path)


def test_any_duration_is_the_end_of_the_textgrid(align, examples, tmp_path):
    samples, _ = soundfile.read(examples / "slt/tea.flac")
    folder = tmp_path / "corpus"
    folder.mkdir()
    rates = [8000, 11025, 16000, 22050, 44100, 48000]
    for rate in rates:  # played at the wrong speed: only the lengths matter here
        soundfile.write(folder / f"{rate}.wav", samples[: 50000 + rate % 77], rate)
        (folder / f"{rate}.lab").write_text("two cups")
    results = align(folder)
    for rate in rates:
        duration = (50000 + rate % 77) / rate
        assert results[f"{rate}"].end == duration
        assert read_alignment(tmp_path / "out" / f"{rate}.TextGrid").duration == duration


def test_the_manifest_tells_everything(corpus, align, aligner, tmp_path):
    (corpus / "slt/tea.lab").write_text("Two cups of blorptang cost [cough] $5.50", "utf-8")
    result = align(corpus)["slt/tea"]
    line = json.loads((tmp_path / "out" / MANIFEST).read_text("utf-8").split("\n")[2])
    assert line["utterance"] == line["recording"] == "slt/tea"
    assert line["status"] == "doubtful"  # the text lacks the end of the sentence
    assert line["reason"].startswith("'$5.50' is stretched from")
    assert (line["speaker"], line["start"], line["end"]) == ("slt", 0.0, 4.75)
    assert line["outputs"] == ["slt/tea.TextGrid"]
    assert line["audio"] == str(corpus / "slt/tea.flac")
    sound = (corpus / "slt/tea.flac").read_bytes()
    assert line["audio_sha256"] == hashlib.sha256(sound).hexdigest()
    assert (line["sample_rate"], line["channels"], line["channel"]) == (16000, 1, None)
    assert line["model"] == "english-sphinx"
    direct = aligner.align(read_waveform(corpus / "slt/tea.flac", sample_rate=16000), result.text)
    assert line["log_likelihood"] == direct.log_likelihood
    assert line["confidence"] == direct.confidence
    assert [word["confidence"] for word in line["words"]] == [
        word.interval.confidence for word in direct.words
    ]
    assert [(word["label"], word["source"]) for word in line["words"]] == [
        ("Two", "dictionary"), ("cups", "dictionary"), ("of", "dictionary"), ("blorptang", "g2p"),
        ("cost", "dictionary"), ("[cough]", "noise"), ("$5.50", "dictionary"),
    ]  # fmt: skip
    assert line["words"][6]["spoken"] in (
        ["five", "dollars", "fifty", "cents"], ["five", "fifty"],
    )  # fmt: skip
    guessed = " ".join(label for label, _, _ in line["words"][3]["phones"])
    assert (tmp_path / "out" / OOVS).read_text("utf-8") == f"blorptang\t1\t{guessed}\n"
    assert Manifest(tmp_path / "out").read()["slt/tea"] == result


def test_signal_to_noise(align, corpus, examples):
    samples, rate = soundfile.read(examples / "slt/tea.flac")
    noise = np.random.default_rng(0).normal(size=len(samples))
    found = []
    for level in (0.001, 0.01):
        soundfile.write(corpus / "slt/tea.flac", samples + level * noise, rate)
        found.append(align(corpus, overwrite=True)["slt/tea"].signal_to_noise)
    wanted = 10 * np.log10((samples**2).mean() / 0.001**2)
    assert abs(found[0] - wanted) < 4  # words end before their last decay does
    assert abs(found[0] - found[1] - 20) < 3


def test_every_format_at_once(corpus, align, tmp_path):
    formats = [name for name in FORMATS if name != "textgrid-short"]
    results = align(corpus, formats=formats)
    suffixes = {FORMATS[name].SUFFIXES[0] for name in formats}
    assert {Path(name).name.removeprefix("tea") for name in results["slt/tea"].outputs} == suffixes
    assert {p for p in tree(tmp_path / "out") if p.startswith("slt/tea.")} == set(
        results["slt/tea"].outputs
    )
    words = read_alignment(tmp_path / "out/slt/tea.TextGrid").tiers["words"]
    for suffix in (".json", ".csv", ".ctm", ".jsonl"):
        others = read_alignment(tmp_path / f"out/slt/tea{suffix}").tiers["words"]
        assert [w.label for w in others] == [w.label for w in words]
        assert max(abs(a.start - b.start) for a, b in zip(words, others)) < 0.001


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"formats": ["textgrid", "textgrid-short"]}, "two of textgrid, textgrid-short write the"),
        ({"formats": ["praat"]}, "no entry 'praat'"),
        ({"jobs": 0}, "jobs: expected 1 or more, got 0"),
    ],
)
def test_wrong_options(corpus, align, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        align(corpus, **options)
    assert not (tmp_path / "out").exists()


def test_nothing_depends_on_jobs_or_the_run(corpus, align, tmp_path):
    for number in range(10):
        for suffix in (".flac", ".lab"):
            shutil.copy(corpus / f"slt/tea{suffix}", corpus / f"slt/tea{number}{suffix}")
    (corpus / "slt/tea3.lab").write_text("")
    (corpus / "slt/tea4.lab").write_text(HARBOUR)
    runs = {}
    for out, jobs in (("one", 1), ("four", 4), ("again", 4)):
        align(corpus, out, jobs=jobs, formats=["textgrid", "json", "ctm"])
        runs[out] = tree(tmp_path / out)
    assert len(runs["one"]) == 3 * 12 + 3
    assert runs["one"] == runs["four"] == runs["again"]


# --- several utterances in one recording


def test_several_speakers_share_a_recording(align, examples, tmp_path):
    duration = two_speakers(tmp_path / "corpus", examples)
    results = align(tmp_path / "corpus")
    assert statuses(results) == dict.fromkeys(["talk#1", "talk#2", "talk#3"], "aligned")
    grid = read_alignment(tmp_path / "out/talk.TextGrid")
    assert grid.duration == duration
    assert list(grid.tiers) == [
        f"{speaker} - {tier}" for speaker in ("Ann", "Zoë")
        for tier in ("utterances", "words", "phones")
    ]  # fmt: skip
    labels = [word.label for word in grid.tiers["Zoë - words"]]
    assert labels == f"Two cups of tea cost $5.50, {HARBOUR}".split()
    (ann,) = grid.tiers["Ann - utterances"]
    assert (ann.start, ann.end, ann.label) == (3.26, 4.75, "and the view is free.")
    for word in grid.tiers["Ann - words"]:
        assert ann.start <= word.start < word.end <= ann.end
    # As when the words are aligned in a recording of their own.
    alone = align(examples, "alone")["slt/tea"].words
    for word, other in zip(results["talk#2"].words, alone[6:]):
        assert word.label == other.label
        assert abs(word.start - other.start) < 0.03


def test_an_utterance_that_fails_leaves_the_others_of_its_recording(align, examples, tmp_path):
    folder = tmp_path / "corpus"
    duration = two_speakers(folder, examples)
    lines = [
        {"offset": 0.0, "duration": 3.26, "text": "Two cups of tea cost $5.50,"},
        {"offset": 3.26, "duration": 0.05, "text": "far too much to say"},
        {"offset": 3.5, "duration": 0.5, "text": ""},
        {"offset": 4.0, "duration": 0.4, "text": "overlapping"},
        {"offset": 4.2, "duration": 0.4, "text": "utterances"},
        {"offset": 4.75, "text": HARBOUR, "id": "the last"},
        {"offset": 30.0, "duration": 1.0, "text": "after the end"},
    ]
    lines[5]["duration"] = duration - 4.75
    manifest = folder / "all.jsonl"
    manifest.write_text(
        "".join(json.dumps({"audio_filepath": "talk.wav", **line}) + "\n" for line in lines)
    )
    results = align(manifest)
    assert statuses(results) == {
        "talk#1": "aligned", "talk#2": "failed", "talk#3": "failed", "talk#4": "failed",
        "talk#5": "failed", "the last": "aligned", "talk#7": "failed",
    }  # fmt: skip
    for name, reason in {
        "talk#2": "longer than the audio can hold",
        "talk#3": "empty",
        "talk#4": "overlaps talk#5",
        "talk#7": "start: expected at least 0 and less than",
    }.items():
        assert reason in results[name].reason
        assert results[name].outputs == ()
    grid = read_alignment(tmp_path / "out/talk.TextGrid")
    assert list(grid.tiers) == ["utterances", "words", "phones"]
    # The one that is too short to be aligned can be seen, without words.
    assert [u.label for u in grid.tiers["utterances"]] == [lines[i]["text"] for i in (0, 1, 5)]
    assert [w.label for w in grid.tiers["words"]] == f"{lines[0]['text']} {HARBOUR}".split()
    assert grid.duration == duration


def test_kaldi_segments(align, examples, tmp_path):
    folder = tmp_path / "data"
    two_speakers(folder, examples)
    (folder / "wav.scp").write_text(f"call {folder}/talk.wav\n")
    (folder / "segments").write_text(
        "ann-1 call 3.26 4.75\nzoe-1 call 0 3.26\nzoe-2 call 4.75 -1\n"
    )
    (folder / "text").write_text(
        f"ann-1 and the view is free.\nzoe-1 Two cups of tea cost $5.50,\nzoe-2 {HARBOUR}\n"
    )
    (folder / "utt2spk").write_text("ann-1 ann\nzoe-1 zoe\nzoe-2 zoe\n")
    results = align(folder)
    assert statuses(results) == dict.fromkeys(["zoe-1", "ann-1", "zoe-2"], "aligned")
    tiers = read_alignment(tmp_path / "out/call.TextGrid").tiers
    assert [word.label for word in tiers["ann - words"]] == ["and", "the", "view", "is", "free."]
    assert len(tiers["zoe - utterances"]) == 2


# --- what goes wrong


def test_a_fault_of_ours_is_told_and_harms_no_other(corpus, align, aligner, monkeypatch, tmp_path):
    sound = type(aligner).align

    def broken(self, waveform, text, **options):
        if "harbour" in text:
            raise ZeroDivisionError("a bug")
        return sound(self, waveform, text, **options)

    monkeypatch.setattr(type(aligner), "align", broken)
    results = align(corpus, jobs=2)
    assert statuses(results) == {
        "rms/river": "aligned", "slt/harbour": "crashed", "slt/tea": "aligned",
    }  # fmt: skip
    reason = results["slt/harbour"].reason
    assert reason.startswith("Traceback")
    assert "ZeroDivisionError: a bug" in reason
    assert sorted(p.name for p in (tmp_path / "out").rglob("*.TextGrid")) == [
        "river.TextGrid", "tea.TextGrid",
    ]  # fmt: skip


def test_a_fault_of_ours_outside_of_the_model(corpus, align, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("speechalign.pipeline.recording._recording_alignment", broken)
    assert set(statuses(align(corpus)).values()) == {"crashed"}


def test_output_that_cannot_be_written(corpus, align, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/slt").write_text("a file where a folder is wanted")
    results = align(corpus)
    assert statuses(results) == {
        "rms/river": "aligned", "slt/harbour": "failed", "slt/tea": "failed",
    }  # fmt: skip
    assert results["slt/tea"].reason == f"{tmp_path}/out/slt: cannot be written: File exists"
    assert (results["slt/tea"].words, results["slt/tea"].outputs) == ((), ())


def test_files_that_were_written_in_part_are_written_again(corpus, align, tmp_path, monkeypatch):
    formats = ["textgrid", "json"]
    align(corpus, formats=formats)
    (corpus / "slt/tea.lab").write_text("Two cups of tea")
    with monkeypatch.context() as patch:
        patch.setattr("speechalign.pipeline.recording.file_hash", full_disk(file_hash))
        results = align(corpus, formats=formats)
    assert statuses(results)["slt/tea"] == "failed"
    results = align(corpus, formats=formats)
    assert results["slt/tea"].words
    align(corpus, "new", formats=formats)
    assert tree(tmp_path / "out") == tree(tmp_path / "new")


def test_edits_outlive_a_run_that_wrote_a_part_of_the_other_files(
    corpus, align, tmp_path, monkeypatch
):
    align(corpus)
    grid = tmp_path / "out/slt/tea.TextGrid"
    grid.write_text("corrected by hand")
    formats = ["textgrid", "json", "csv"]

    def full_disk(alignment, path, *, format, **options):
        if format == "csv":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write_alignment(alignment, path, format=format, **options)

    with monkeypatch.context() as patch:
        patch.setattr("speechalign.pipeline.recording.write_alignment", full_disk)
        assert statuses(align(corpus, formats=formats))["slt/tea"] == "failed"
    results = align(corpus, formats=formats)
    assert results["slt/tea"].outputs == ("slt/tea.json", "slt/tea.csv")
    assert grid.read_text() == "corrected by hand"


def test_what_failed_is_aligned_again_beside_a_file_of_an_earlier_run(corpus, align, tmp_path):
    first = align(corpus)
    lab = corpus / "slt/tea.lab"
    text = lab.read_text()
    for wrong in ("Москва слезам не верит", "Слезам не верит"):
        lab.write_text(wrong)
        failed = align(corpus)["slt/tea"]
        assert failed.status is Status.FAILED
        assert failed.reason.endswith("; slt/tea.TextGrid is of an earlier run")
    lab.write_text(text)
    assert align(corpus)["slt/tea"] == first["slt/tea"]
    lab.write_text("Москва слезам не верит")
    align(corpus)
    (tmp_path / "out/slt/tea.TextGrid").write_text("corrected by hand")
    lab.write_text(text)
    assert align(corpus)["slt/tea"].status is Status.STALE


def test_a_crash_before_a_file_is_looked_at_loses_no_result(corpus, align, monkeypatch):
    first = align(corpus)
    with monkeypatch.context() as patch:
        patch.setattr("speechalign.pipeline.recording.file_hash", lambda _: 1 / 0)
        assert set(statuses(align(corpus)).values()) == {"crashed"}
    again = align(corpus)
    assert statuses(again) == statuses(first)
    assert [r.words for r in again.values()] == [r.words for r in first.values()]


def full_disk(function):
    """Let a hash fail once the file holds the new transcript."""

    def failing(path):
        if len(read_alignment(path).tiers["words"]) == 4:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return function(path)

    return failing


def test_a_sound_file_is_opened_once(align, examples, tmp_path, monkeypatch):
    two_speakers(tmp_path / "corpus", examples)
    opened = []
    original = Sound.__init__

    def opening(self, path):
        opened.append(Path(path).name)
        original(self, path)

    monkeypatch.setattr(Sound, "__init__", opening)
    for _ in range(2):
        opened.clear()
        align(tmp_path / "corpus")
        assert opened.count("talk.wav") <= 2  # The layout looks for channels, too.


def test_name_that_is_too_long_for_its_output(corpus, align):
    stem = "x" * 248  # .flac fits into 255 bytes, .TextGrid does not
    for suffix in (".flac", ".lab"):
        shutil.copy(corpus / f"slt/tea{suffix}", corpus / f"{stem}{suffix}")
    results = align(corpus)
    assert statuses(results)[stem] == "failed"
    assert results[stem].reason.endswith("cannot be written: File name too long")
    assert statuses(results)["slt/tea"] == "aligned"


@pytest.mark.parametrize("below", ["", "/x", "/x/y"])
def test_output_folder_below_a_file(corpus, align, tmp_path, below):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(
        InputError, match=rf"file{below}: cannot be written to: (File exists|Not a directory); choo"
    ):
        align(corpus, f"file{below}")
    assert (tmp_path / "file").read_text() == "mine"


def test_output_folder_that_may_not_be_written_to(corpus, align, tmp_path, monkeypatch):
    # Permissions do not bind root, so that the system's answer is imitated.
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError, match="out: cannot be written to: no permission to write; choo"):
        align(corpus)


def test_names_that_are_not_utf8(aligner, examples, tmp_path):
    # Of a folder above the corpus: everything else about it is fine.
    folder = tmp_path / b"caf\xe9".decode("utf-8", "surrogateescape")
    try:
        shutil.copytree(examples, folder)
    except OSError as error:
        pytest.skip(f"this file system refuses the name: {error}")
    utterances = read_corpus(folder)
    result = align_corpus(utterances, aligner, tmp_path / "out")
    assert result.exit_status == 0
    again = align_corpus(utterances, aligner, tmp_path / "out")
    assert [r.audio for r in again.utterances] == [str(u.audio) for u in utterances]
    assert all(r.kept and r.status is Status.ALIGNED for r in again.utterances)


# --- what is there already


def test_results_are_kept_unless_overwritten(corpus, align, tmp_path):
    first = align(corpus)
    grid = tmp_path / "out/slt/tea.TextGrid"
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in [grid]}
    second = align(corpus)
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in [grid]} == before
    assert statuses(second) == statuses(first)
    assert not any(result.kept for result in first.values())
    assert all(result.kept for result in second.values())
    assert [r.words for r in second.values()] == [r.words for r in first.values()]
    grid.write_text("corrected by hand")
    align(corpus)
    assert grid.read_text() == "corrected by hand"
    third = align(corpus, overwrite=True)
    assert grid.read_bytes() == before[grid][1]
    assert third == first


def test_files_without_a_manifest_are_kept_and_said_to_be_unknown(corpus, align, tmp_path):
    align(corpus)
    (tmp_path / "out" / MANIFEST).unlink()
    before = tree(tmp_path / "out/slt")
    for _ in range(2):
        result = align(corpus)["slt/tea"]
        assert result.status is Status.KEPT
        assert result.reason == (
            "not in the manifest: slt/tea.TextGrid is left alone; --overwrite aligns again"
        )
        assert result.words == ()
        assert tree(tmp_path / "out/slt") == before


def change(corpus, aligner, what, monkeypatch):
    """Change one thing that the times of slt/tea depend on; return the utterances of the corpus."""
    lab, flac = corpus / "slt/tea.lab", corpus / "slt/tea.flac"
    if what == "transcript":
        lab.write_text("Two cups of coffee")
    elif what == "recording":
        flac.write_bytes((corpus / "slt/harbour.flac").read_bytes())
    elif what == "model":
        monkeypatch.setattr(aligner.model, "name", "another", raising=False)
    elif what == "content or dictionary of the model":
        monkeypatch.setattr(type(aligner.model), "content_hash", "another")
    elif what == "calibration":
        monkeypatch.setattr(aligner, "bias", 0.01)
    elif what == "language":
        monkeypatch.setattr(aligner, "language", "en-gb")
    elif what == "version of speechalign":
        monkeypatch.setattr("speechalign.pipeline.recording.__version__", "9.9")
    elif what == "problem":
        lab.write_bytes(b"caf\xe9")
    elif what == "damage":
        flac.write_bytes(b"no sound")
    return read_corpus(corpus, channel=0 if what == "channel" else None)


CHANGES = [
    "transcript", "recording", "model", "content or dictionary of the model", "calibration",
    "language", "version of speechalign", "channel",
]  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_what_has_changed_is_aligned_again(corpus, align, aligner, tmp_path, what, monkeypatch):
    align(corpus)
    utterances = change(corpus, aligner, what, monkeypatch)
    again = align_corpus(utterances, aligner, tmp_path / "out")
    assert not again.utterances[2].kept
    align_corpus(utterances, aligner, tmp_path / "new")
    assert tree(tmp_path / "out") == tree(tmp_path / "new")


@pytest.mark.parametrize("what", [*CHANGES, "problem", "damage"])
def test_what_was_edited_is_left_alone_and_stale(
    corpus, align, aligner, tmp_path, what, monkeypatch
):
    first = align(corpus)["slt/tea"]
    edited = what not in ("problem", "damage")  # There, nothing else can be done.
    if edited:
        (tmp_path / "out/slt/tea.TextGrid").write_text("corrected by hand")
    before = tree(tmp_path / "out/slt")
    original = tree(corpus)
    utterances = change(corpus, aligner, what, monkeypatch)
    result = align_corpus(utterances, aligner, tmp_path / "out")
    stale = result.utterances[2]
    assert (stale.status, result.exit_status) == (Status.STALE, 3)
    reason = {"problem": f"{corpus}/slt/tea.lab: not UTF-8 at", "damage": f"{corpus}/slt/tea.flac"}
    assert stale.reason.startswith(reason.get(what, f"the {what} has changed since; "))
    assert stale.reason.endswith("slt/tea.TextGrid is left alone; --overwrite aligns again")
    assert tree(tmp_path / "out/slt")["tea.TextGrid"] == before["tea.TextGrid"]
    # What is known of the file stays known, and is good again once the change is taken back.
    assert (stale.text, stale.words, stale.outputs) == (first.text, first.words, first.outputs)
    monkeypatch.undo()
    for name, content in original.items():
        (corpus / name).write_bytes(content)
    again = align(corpus)["slt/tea"]
    assert again.kept
    assert (again.status, again.words) == (
        Status.KEPT if edited else Status.ALIGNED, first.words
    )  # fmt: skip
    assert not edited or again.reason.startswith("edited since it was written: ")


def test_segments_that_move_come_or_go(align, examples, tmp_path):
    folder = tmp_path / "corpus"
    two_speakers(folder, examples)

    def run(*spans, **options):
        (folder / "all.jsonl").write_text("".join(
            json.dumps({"audio_filepath": "talk.wav", "id": name, "offset": start, "text": text,
                        "duration": end - start}) + "\n"
            for name, start, end, text in spans
        ))  # fmt: skip
        return align(folder / "all.jsonl", **options)

    tea = ("tea", 0.0, 3.26, "Two cups of tea cost $5.50,")
    view = ("view", 3.26, 4.75, "and the view is free.")
    for spans in ((tea,), (tea, view), ((*tea[:2], 3.3, tea[3]),), (view,)):
        results = run(*spans)
        assert statuses(results) == {name: "aligned" for name, *_ in spans}
        assert not any(result.kept for result in results.values())
        run(*spans, out="new")
        assert tree(tmp_path / "out") == tree(tmp_path / "new")
        shutil.rmtree(tmp_path / "new")
        assert all(result.kept for result in run(*spans).values())
    (tmp_path / "out/talk.TextGrid").write_text("corrected by hand")
    results = run(tea, view)
    assert statuses(results) == {"tea": "stale", "view": "kept"}
    assert results["tea"].reason.startswith("the utterance is new; talk.TextGrid is left alone")


def test_a_format_more_leaves_the_files_that_are_there(corpus, align, tmp_path):
    align(corpus)
    (tmp_path / "out/slt/tea.TextGrid").write_text("corrected by hand")
    results = align(corpus, formats=["textgrid", "json"])
    assert (tmp_path / "out/slt/tea.TextGrid").read_text() == "corrected by hand"
    assert results["slt/tea"].outputs == ("slt/tea.json",)
    assert read_alignment(tmp_path / "out/slt/tea.json").duration == 4.75


def test_transcripts_are_never_overwritten(aligner, examples, tmp_path):
    folder = tmp_path / "corpus"
    two_speakers(folder, examples)
    before = tree(folder)
    utterances = read_corpus(folder)
    for overwrite in (False, True):
        result = align_corpus(utterances, aligner, folder, overwrite=overwrite)
        assert {r.status for r in result.utterances} == {Status.FAILED}
        assert "talk.TextGrid lies beside the recording and no" in result.utterances[0].reason
        assert before.items() <= tree(folder).items()


def test_results_beside_the_recordings_where_asked_for(corpus, aligner):
    def run(**options):
        result = align_corpus(read_corpus(corpus), aligner, corpus, **options)
        return [found.status for found in result.utterances]

    assert run() == run() == run(overwrite=True) == [Status.ALIGNED] * 3
    assert (corpus / "slt/tea.TextGrid").exists()


def test_results_inside_the_corpus_are_no_part_of_it(corpus, align):
    first = align(corpus, "corpus/aligned")
    second = align(corpus, "corpus/aligned")
    assert len(first) == 3
    assert statuses(second) == statuses(first)


def test_transcripts_with_separators_of_unicode(corpus, align):
    text = "Two cups of\u2028tea cost\x85$5.50,\u2029and the\x0bview is free."
    (corpus / "slt/tea.lab").write_text(text, "utf-8")
    first = align(corpus)["slt/tea"]
    second = align(corpus)["slt/tea"]
    assert (second.status, second.text, second.words) == (Status.ALIGNED, text, first.words)
    assert [word.label for word in first.words] == text.split()


@pytest.mark.parametrize("line", ["not json", "[]", '{"utterance": "x"}', '{"status": "odd"}'])
def test_a_damaged_manifest_is_named(corpus, align, tmp_path, line):
    align(corpus)
    manifest = tmp_path / "out" / MANIFEST
    manifest.write_text(manifest.read_text("utf-8") + line + "\n", "utf-8")
    with pytest.raises(InputError, match=r"alignment_manifest\.jsonl:4: damaged, or of another v"):
        align(corpus)


# --- runs that end early


class _Stop(KeyboardInterrupt):
    """What Ctrl-C raises."""


def test_a_stopped_run_is_told_and_can_be_resumed(corpus, align, tmp_path):
    whole = align(corpus, "whole")

    def stop(_):
        raise _Stop

    with pytest.raises(_Stop):
        align(corpus, progress=stop, jobs=1)
    results = Manifest(tmp_path / "out").read()
    assert results["rms/river"] == whole["rms/river"]
    assert {r.status for r in results.values()} <= {Status.ALIGNED, Status.INTERRUPTED}
    assert results["slt/tea"].reason == "the run was stopped before its turn"
    assert (tmp_path / "out/rms/river.TextGrid").exists()
    assert not list((tmp_path / "out").rglob("*.tmp"))
    align(corpus)
    assert tree(tmp_path / "out/slt") == tree(tmp_path / "whole/slt")
    # Stopped again, at once: what was known is not forgotten.
    with pytest.raises(_Stop):
        align(corpus, progress=stop)
    assert {r.status for r in Manifest(tmp_path / "out").read().values()} == {Status.ALIGNED}


def test_what_is_written_is_told_when_an_interrupt_comes_at_that_moment(
    corpus, align, tmp_path, monkeypatch
):
    class Interrupted(SimpleQueue):
        def get(self):
            super().get()
            raise KeyboardInterrupt

    monkeypatch.setattr(f"{JOB}.may_share_memory", lambda: False)
    monkeypatch.setattr(f"{JOB}.SimpleQueue", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        align(corpus)
    results = Manifest(tmp_path / "out").read()
    assert results["rms/river"].status is Status.ALIGNED
    for name, result in results.items():
        written = (tmp_path / f"out/{name}.TextGrid").exists()
        assert (result.status is Status.ALIGNED) == written


def test_a_recording_is_not_left_half_done(align, aligner, examples, monkeypatch, tmp_path):
    folder = tmp_path / "corpus"
    two_speakers(folder, examples)
    for suffix in (".flac", ".lab"):
        shutil.copy(examples / f"slt/tea{suffix}", folder)
    stopped = Event()
    monkeypatch.setattr(f"{JOB}.may_share_memory", lambda: False)
    monkeypatch.setattr(f"{JOB}.Event", lambda: stopped)
    sound, begun = type(aligner).align, []

    def wait(self, waveform, text, **options):
        begun.append(text)
        if text == TEA:
            return sound(self, waveform, text, **options)
        stopped.wait(timeout=30)
        return sound(self, waveform, text, **options)

    def stop(_):
        raise _Stop

    monkeypatch.setattr(type(aligner), "align", wait)
    with pytest.raises(_Stop):
        align(folder, jobs=2, progress=stop)
    assert begun.count(TEA) == 1
    assert len(begun) == 2  # the first utterance of three
    statuses = {name: found.status for name, found in Manifest(tmp_path / "out").read().items()}
    assert statuses.pop("tea") is Status.ALIGNED
    assert set(statuses.values()) == {Status.INTERRUPTED}
    assert not (tmp_path / "out/talk.TextGrid").exists()


def test_the_manifest_is_brought_up_to_date_during_the_run(corpus, align, tmp_path):
    seen = []

    def look(_):
        found = Manifest(tmp_path / "out").read().values()
        seen.append(sum(result.status is Status.INTERRUPTED for result in found))
        assert len(found) == 3

    align(corpus, progress=look)
    assert seen[0] <= 2
    assert seen[1] <= 1
    assert seen[2] == 0


def test_utterances_may_be_made_by_hand(aligner, examples, tmp_path):
    utterances = [Utterance("any name", "sub/folder/x", examples / "slt/tea.flac", TEA)]
    result = align_corpus(utterances, aligner, str(tmp_path / "out"))
    assert result.exit_status == 0
    assert (tmp_path / "out/sub/folder/x.TextGrid").exists()
    assert (tmp_path / "out" / ANALYSIS).exists()


# --- from Python, without writing


def test_results_come_one_by_one_and_nothing_is_written(corpus, align, aligner, tmp_path):
    written = align(corpus)
    before = tree(tmp_path)
    told = []
    results = align_corpus(corpus, aligner, jobs=2, progress=told.extend)
    first = next(results)
    found = {result.utterance: result for result in [first, *results]}
    assert {r.utterance for r in told} == set(found) == set(written)
    assert tree(tmp_path) == before
    for name, result in found.items():
        assert result.words == written[name].words
        assert (result.status, result.outputs) == (Status.ALIGNED, ())


def test_an_iteration_that_is_left_off_stops_the_work(corpus, aligner, monkeypatch):
    aligned = []
    sound = Aligner.align

    def counted(self, audio, text, **options):
        aligned.append(text)
        return sound(self, audio, text, **options)

    monkeypatch.setattr(Aligner, "align", counted)
    results = align_corpus(read_corpus(corpus), aligner, jobs=1)
    assert next(results).words
    results.close()
    assert 1 <= len(aligned) <= 3
    assert next(results, None) is None


def test_a_result_is_its_words_with_times_of_the_recording(examples, aligner, tmp_path):
    folder = tmp_path / "talk"
    two_speakers(folder, examples)
    results = list(align_corpus(folder, aligner))
    assert len(results) == 3
    last = max(results, key=lambda result: result.start)
    assert [word.label for word in last] == HARBOUR.split()
    assert len(last) == len(HARBOUR.split())
    assert next(iter(last)).start >= 4.75
    last.save(tmp_path / "last.TextGrid")
    found = read_alignment(tmp_path / "last.TextGrid")
    assert found.duration == pytest.approx(9.225)
    assert [i.label for i in found.tiers["words"]] == HARBOUR.split()
    sure = f"confidence {last.confidence:.2f}"
    assert repr(last) == f"<UtteranceResult {last.utterance}: aligned, words 10, {sure}>"
    plain = last.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["words"][0]["label"] == "In"
    assert plain["status"] == "aligned"


def test_a_failed_result_has_no_words(corpus, aligner):
    pandas = pytest.importorskip("pandas", reason="needs pandas")
    (corpus / "slt/tea.lab").write_text("...")
    failed = next(r for r in align_corpus(corpus, aligner) if r.utterance == "slt/tea")
    assert failed.status is Status.FAILED
    assert failed
    assert repr(failed) == "<UtteranceResult slt/tea: failed, words 0>"
    assert (len(failed), list(failed)) == (0, [])
    assert failed.alignment.tiers == {"words": (), "phones": ()}
    table = failed.to_dataframe()
    assert isinstance(table, pandas.DataFrame)
    assert list(table.columns)[:4] == ["label", "start", "end", "duration"]


def test_a_corpus_and_a_model_may_be_named(corpus, tmp_path):
    result = align_corpus(str(corpus), "english-sphinx", str(tmp_path / "out"), jobs=1)
    assert [r.status for r in result] == [Status.ALIGNED] * 3
    assert repr(result) == "<CorpusResult: 3 aligned>"
    assert (tmp_path / "out/slt/tea.TextGrid").exists()


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((5,), {}, "corpus: expected a path, or a list of Utterance, got int 5; see read_corpus"),
        ((["x"],), {}, r"corpus: expected a path, or a list of Utterance, got list \['x'\]"),
        (("nowhere",), {}, "nowhere: there is no such file or folder"),
        (([], "swedish"), {}, "swedish: no such model"),
        (([], 5), {}, "model: expected a name, a path or a loaded model, got int 5"),
        (([],), {"jobs": 0}, "jobs: expected 1 or more, got 0"),
    ],
)
def test_mistakes_are_found_before_the_first_result(arguments, options, message):
    with pytest.raises(InputError, match=message):
        align_corpus(*arguments, **options)
