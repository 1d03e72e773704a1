"""Transcripts of a corpus: what is heard, what is left out, what is written and kept."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from speechalign.alignment import Interval
from speechalign.corpus import Utterance, read_corpus
from speechalign.errors import InputError
from speechalign.formats import read_alignment
from speechalign.pipeline.journal import TRANSCRIPTS
from speechalign.pipeline.shards import Shard
from speechalign.pipeline.status import progress_of_recordings
from speechalign.pipeline.transcribe_corpus import MANIFEST, transcribe_corpus
from speechalign.pipeline.transcript_manifest import merge_transcripts
from speechalign.transcription import Transcript

RATE = 16000


class Listener:
    """A transcriber that writes how long what it hears is, and a segmenter that hears tones."""

    longest, batch = 30.0, 3
    model = SimpleNamespace(sample_rate=RATE, name="listener")

    def __init__(self):
        self.heard = []
        self.together = 0
        self.beams = "1"
        self.believed = 30.0  # seconds of a stretch of which the words are probable

    def transcribe(self, stretches, recordings):
        self.together = max(self.together, len(stretches))
        self.heard += [round(len(samples) / RATE, 2) for samples in stretches]
        return [
            Transcript(f"{seconds:.2f} of {name}", "en", log_prob=-0.1 - (seconds > self.believed))
            for seconds, name in zip(self.heard[-len(stretches) :], recordings)
        ]

    def settings(self):
        return {"beams": self.beams}

    def find(self, samples, *, sample_rate):  # noqa: ARG002
        cells = np.abs(samples[: len(samples) // 1600 * 1600].reshape(-1, 1600)).max(axis=1) > 0.1
        change = np.flatnonzero(np.diff(cells, prepend=False, append=False)) * 0.1
        return tuple(Interval(a, b, "[speech]") for a, b in zip(change[::2], change[1::2]))


def tone(*parts):
    """Return sound of lengths in seconds: tone, silence, tone ..."""
    pieces = [np.full(round(s * RATE), 0.5 * (k % 2 == 0), np.float32) for k, s in enumerate(parts)]
    return np.concatenate(pieces)


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    (folder / "anna").mkdir(parents=True)
    sounds = {
        "short": tone(2, 1, 1),
        "silent": tone(0, 5),
        # Two tones within 28 s, then a pause too long to be heard with the speech around.
        "long": tone(10, 1, 12, 5, 20, 1, 9),
    }
    for name, samples in sounds.items():
        soundfile.write(folder / "anna" / f"{name}.wav", samples, RATE)
    (folder / "anna" / "broken.wav").write_bytes(b"RIFFnonsense")
    return folder


def run(corpus, out, listener, **options):
    found = transcribe_corpus(corpus, listener, out, segmenter=listener, aligners={}, **options)
    return {one.source.recording: one for one in found}


def test_speech_is_heard_and_silence_is_not(corpus, tmp_path):
    listener = Listener()
    found = run(corpus, tmp_path / "out", listener)
    assert list(found) == ["anna/broken", "anna/long", "anna/short", "anna/silent"]
    spans = [edge for s in found["anna/long"].segments for edge in (s.start, s.end)]
    assert spans == pytest.approx([0, 23, 28, 48, 49, 58])
    assert sorted(listener.heard) == pytest.approx([4.0, 9.0, 20.0, 23.0])
    assert found["anna/silent"].segments == ()
    assert found["anna/silent"].problem is None
    assert "broken.wav: not a sound file" in found["anna/broken"].problem
    files = {path.name for path in (tmp_path / "out" / "anna").iterdir()}
    assert files == {"long.TextGrid", "short.lab"}
    assert (tmp_path / "out/anna/short.lab").read_text() == "4.00 of anna/short\n"
    tier = read_alignment(tmp_path / "out/anna/long.TextGrid").tiers["utterances"]
    assert [i.label for i in tier] == [f"{s}.00 of anna/long" for s in (23, 20, 9)]


def test_sound_files_of_one_name_are_refused(corpus, tmp_path):
    shutil.copy(corpus / "anna" / "short.wav", corpus / "anna" / "long.flac")
    listener = Listener()
    found = run(corpus, tmp_path / "out", listener)
    assert "long.flac: named as " in found["anna/long"].problem
    assert "rename or remove one" in found["anna/long"].problem
    assert listener.heard == [4.0]


def test_a_manifest_needs_no_text(corpus, tmp_path):
    lines = ['{"audio_filepath": "anna/short.wav"}', '{"audio_filepath": 5}']
    manifest = corpus / "sounds.jsonl"
    manifest.write_text("\n".join(lines))
    found = run(manifest, tmp_path / "out", Listener())
    assert [s.transcript.text for s in found["anna/short"].segments] == ["4.00 of anna/short"]
    problem = found["sounds.jsonl:2"].problem
    assert "sounds.jsonl:2: audio_filepath: expected a string, got 5" in problem


def test_sound_in_memory(corpus, tmp_path):
    path = corpus / "anna" / "short.wav"
    source = Utterance("a", "a", tmp_path / "none.wav", "", content=path.read_bytes())
    found = run([source], tmp_path / "out", Listener())
    assert (tmp_path / "out" / "a.lab").read_text() == "4.00 of a\n"
    assert found["a"].problem is None


def test_of_what_is_not_believed_the_parts_are_heard(corpus, tmp_path):
    listener = Listener()
    listener.believed = 12.5
    found = run(corpus, tmp_path / "out", listener)
    long = found["anna/long"]
    assert [(s.start, s.end) for s in long.segments] == [(0, 10), (11, 23), (49, 58)]
    assert [(s.start, s.end) for s in long.unclear] == [(28, 48)]
    assert sorted(listener.heard) == pytest.approx([4, 9, 10, 12, 20, 23])
    tier = read_alignment(tmp_path / "out/anna/long.TextGrid").tiers["utterances"]
    assert [i.label for i in tier] == [f"{s}.00 of anna/long" for s in (10, 12, 9)]
    listener = Listener()
    listener.believed = 3.0
    short = run(corpus, tmp_path / "other", listener)["anna/short"]
    assert [(s.start, s.end) for s in short.segments] == [(0, 2), (3, 4)]


def test_the_parts_of_many_stretches_are_heard_batch_by_batch(corpus, tmp_path):
    for path in (corpus / "anna").iterdir():
        path.unlink()
    for name in "abc":
        soundfile.write(corpus / "anna" / f"{name}.wav", tone(*[1] * 15), RATE)
    listener = Listener()
    listener.believed = 3.0
    found = run(corpus, tmp_path / "out", listener)
    assert [len(one.segments) for one in found.values()] == [8, 8, 8]
    assert listener.together == listener.batch


def test_what_is_written_is_a_corpus(corpus, tmp_path):
    run(corpus, tmp_path / "out", Listener())
    utterances = read_corpus(tmp_path / "out" / MANIFEST)
    assert [(u.text, u.start, u.speaker, u.problem) for u in utterances] == [
        ("23.00 of anna/long", 0.0, "anna", None),
        ("20.00 of anna/long", 28.0, "anna", None),
        ("9.00 of anna/long", 49.0, "anna", None),
        ("4.00 of anna/short", 0.0, "anna", None),
    ]
    shutil.copytree(tmp_path / "out", corpus, dirs_exist_ok=True)
    beside = [u for u in read_corpus(corpus) if u.problem is None]
    assert [u.text for u in beside] == [u.text for u in utterances]


def test_a_second_run_keeps_what_has_not_changed(corpus, tmp_path):
    out = tmp_path / "out"
    first = run(corpus, out, Listener())
    text = (out / MANIFEST).read_text()
    again = Listener()
    second = run(corpus, out, again)
    assert again.heard == []
    assert second["anna/long"].kept
    assert [one.segments for one in second.values()] == [one.segments for one in first.values()]
    assert (out / MANIFEST).read_text() == text

    other = Listener()
    other.beams = "4"
    refused = run(corpus, out, other)
    assert "short.lab: exists; use --overwrite" in refused["anna/short"].problem
    replaced = run(corpus, out, other, overwrite=True)
    assert replaced["anna/short"].problem is None
    assert len(other.heard) == 4


def test_an_interrupted_run_keeps_what_was_finished(corpus, tmp_path):
    listener = Listener()
    found = transcribe_corpus(corpus, listener, tmp_path / "out", segmenter=listener, aligners={})
    while next(found).source.recording != "anna/long":
        pass
    found.close()
    lines = (tmp_path / "out" / MANIFEST).read_text().splitlines()
    assert {json.loads(line)["recording"] for line in lines} == {"anna/long"}
    again = Listener()
    run(corpus, tmp_path / "out", again)
    assert again.heard == [4.0]


def test_windows_of_a_long_recording_lose_nothing(corpus, tmp_path, monkeypatch):
    from speechalign.pipeline import stretches

    whole = run(corpus, tmp_path / "whole", Listener())["anna/long"].segments
    monkeypatch.setattr(stretches, "_WINDOW", 40.0)
    cut = run(corpus, tmp_path / "cut", Listener())["anna/long"].segments
    assert [s.start for s in cut] == pytest.approx([s.start for s in whole])
    assert [s.end for s in cut] == pytest.approx([s.end for s in whole])


def test_given_segments_are_taken_as_they_are(corpus, tmp_path):
    run(corpus, corpus, Listener())
    utterances = [u for u in read_corpus(corpus) if u.segmented]
    listener = Listener()
    found = run(utterances, tmp_path / "out", listener)
    assert listener.heard == pytest.approx([23.0, 20.0, 9.0])
    assert len(found["anna/long"].utterances()) == 3


def test_merged_shards_equal_one_run(corpus, tmp_path):
    run(corpus, tmp_path / "one", Listener())
    out = tmp_path / "out"
    found = {}
    for index in (3, 1, 2):
        found |= run(corpus, out, Listener(), shard=Shard(index, 3))
        assert not (out / MANIFEST).exists()
    assert merge_transcripts(out) == len(found) == 4
    for path in (tmp_path / "one").rglob("*.*"):
        assert (out / path.relative_to(tmp_path / "one")).read_bytes() == path.read_bytes()
    progress = progress_of_recordings(out, TRANSCRIPTS)
    assert progress.statuses == {"transcribed": 2, "no speech": 1, "failed": 1}
    assert progress.hours * 3600 == pytest.approx(4 + 5 + 58)
    (reason,) = progress.reasons
    assert reason.startswith("not a sound file that can be read: ")


def test_a_shard_is_resumed_at_the_recording_it_was_stopped_at(corpus, tmp_path):
    out, shard = tmp_path / "out", Shard(1, 1)
    listener = Listener()
    found = transcribe_corpus(corpus, listener, out, segmenter=listener, aligners={}, shard=shard)
    while next(found).source.recording != "anna/long":
        pass
    found.close()
    (journal,) = (out / TRANSCRIPTS).glob("shard-*.jsonl")
    with journal.open("a") as file:
        file.write('{"recording": "anna/sh')
    again = Listener()
    run(corpus, out, again, shard=shard)
    assert again.heard == [4.0]


def test_a_shard_that_is_killed_while_it_writes_is_resumed(corpus, tmp_path, monkeypatch):
    from speechalign.pipeline import transcribe_corpus as module

    def die(path, text):
        path.write_text(text[:3])
        raise KeyboardInterrupt

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(module, "write_text", die)
        with pytest.raises(KeyboardInterrupt):
            run(corpus, out, Listener(), shard=Shard(1, 1))
    assert progress_of_recordings(out, TRANSCRIPTS).statuses["interrupted"] == 1
    found = run(corpus, out, Listener(), shard=Shard(1, 1))
    assert found["anna/short"].problem is None
    assert (out / "anna/short.lab").read_text() == "4.00 of anna/short\n"


def test_what_shards_disagree_about_is_refused(corpus, tmp_path):
    out, other = tmp_path / "out", Listener()
    run(corpus, out, Listener(), shard=Shard(1, 2))
    other.beams = "4"
    with pytest.raises(InputError, match="the model, or an option, has changed"):
        run(corpus, out, other, shard=Shard(2, 2))
    with pytest.raises(InputError, match="the number of shards has changed"):
        run(corpus, out, Listener(), shard=Shard(2, 3))
    with pytest.raises(InputError, match="holds shards; merge them first"):
        run(corpus, out, Listener())
    with pytest.raises(InputError, match=r"1 of 2 shards are missing \(2\)"):
        merge_transcripts(out)
