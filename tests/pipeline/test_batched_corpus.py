"""A corpus whose utterances are scored in batches: the same as one by one, faults stay apart."""

import shutil
from threading import Event

import numpy as np
import pytest
import soundfile

from speechalign.aligners.aligner import Aligner
from speechalign.corpus import Utterance, read_corpus
from speechalign.models import device, load_model
from speechalign.pipeline.align_corpus import align_corpus
from speechalign.pipeline.result import Status

pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("transformers", reason="needs transformers")

TEXT = "Two cups of tea"


@pytest.fixture
def corpus(examples, tmp_path):
    """Return a folder of seven recordings of different lengths."""
    samples, rate = soundfile.read(examples / "slt/tea.flac")
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number, seconds in enumerate((2.0, 1.3, 4.0, 1.3, 2.2, 3.1, 1.9)):
        soundfile.write(folder / f"{number}.flac", samples[: round(seconds * rate)], rate)
        (folder / f"{number}.lab").write_text(TEXT)
    return folder


@pytest.fixture
def batching(tiny, monkeypatch):
    """Return an aligner whose model is told that batches of 8 s are fast here."""
    monkeypatch.setitem(device._SECONDS, "cpu", 8.0)
    return Aligner(load_model(tiny("hubert")), language="en")


def told(results):
    return [(r.utterance, r.status, r.unit, [w.label for w in r.words]) for r in results]


def times(results):
    return np.array([(w.start, w.end, w.confidence) for r in results for w in r.words])


def sizes_of_batches(aligner, monkeypatch):
    """Return a list that grows by the size of each batch that is scored."""
    sizes, score = [], aligner.model._score

    def counting(samples, lengths=None):
        sizes.append(len(samples))
        return score(samples, lengths)

    monkeypatch.setattr(aligner.model, "_score", counting)
    return sizes


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_same_as_one_by_one(tiny, batching, corpus, tmp_path, monkeypatch, jobs):
    utterances = read_corpus(corpus)
    alone = align_corpus(
        utterances, Aligner(load_model(tiny("hubert")), language="en"), tmp_path / "alone"
    )
    monkeypatch.setattr("speechalign.pipeline.align_corpus._TOGETHER", 4)
    sizes = sizes_of_batches(batching, monkeypatch)
    progress = []
    together = align_corpus(
        utterances, batching, tmp_path / "out", jobs=jobs,
        progress=lambda results: progress.extend(r.utterance for r in results),
    )  # fmt: skip
    assert told(together.utterances) == told(alone.utterances)
    assert times(together.utterances) == pytest.approx(times(alone.utterances), abs=1e-4)
    # Of each four recordings, in order of length, as many as fit into 8 s.
    assert sorted(sizes) == [1, 1, 2, 3]
    assert sorted(progress) == [u.id for u in utterances]


def test_segments_of_one_recording_are_scored_together(batching, corpus, tmp_path, monkeypatch):
    sizes = sizes_of_batches(batching, monkeypatch)
    utterances = [
        Utterance(f"{n}", "talk", corpus / "2.flac", TEXT, start=0.8 * n, end=0.8 * n + 0.8)
        for n in range(5)
    ]
    result = align_corpus(utterances, batching, tmp_path / "out")
    assert {r.status for r in result.utterances} <= {Status.ALIGNED, Status.DOUBTFUL}
    assert [r.utterance for r in result.utterances] == ["0", "1", "2", "3", "4"]
    assert sizes == [5]


def test_faults_stay_with_their_utterance(batching, corpus, tmp_path):
    (corpus / "1.flac").write_bytes(b"no sound")
    (corpus / "2.lab").write_text("猫")
    (corpus / "3.lab").write_text("far too much to say " * 20)
    result = align_corpus(read_corpus(corpus), batching, tmp_path / "out")
    failed = {r.utterance: r.reason for r in result.utterances if r.status is Status.FAILED}
    assert set(failed) == {"1", "2", "3"}
    assert "not a sound file" in failed["1"]
    assert "have nothing that" in failed["2"]
    assert "longer than the audio can hold" in failed["3"]
    assert all(r.words for r in result.utterances if r.utterance not in failed)


def test_a_batch_that_fails_is_scored_one_by_one(batching, corpus, tmp_path, monkeypatch):
    """As where a GPU has too little memory for it, or one recording is too much for the model."""
    score = batching.model._score
    short = round(1.3 * batching.model.sample_rate)

    def failing(samples, lengths=None):
        if len(samples) > 1:
            raise MemoryError("out of memory")
        if samples.shape[1] == short:
            raise ZeroDivisionError("a bug")
        return score(samples, lengths)

    monkeypatch.setattr(batching.model, "_score", failing)
    result = align_corpus(read_corpus(corpus), batching, tmp_path / "out")
    crashed = {r.utterance: r.reason for r in result.utterances if r.status is Status.CRASHED}
    assert set(crashed) == {"1", "3"}
    assert all("ZeroDivisionError: a bug" in reason for reason in crashed.values())
    assert all(r.words for r in result.utterances if r.utterance not in crashed)


def test_what_was_written_before_a_stop_is_whole(batching, corpus, tmp_path, monkeypatch):
    stopped = Event()
    monkeypatch.setattr("speechalign.pipeline.align_corpus.Event", lambda: stopped)
    utterances = read_corpus(corpus)
    sound = Aligner.align

    def align(self, waveform, text, **options):
        if len(list((tmp_path / "out").glob("*.TextGrid"))) == 2:
            stopped.set()
        return sound(self, waveform, text, **options)

    monkeypatch.setattr(Aligner, "align", align)
    result = align_corpus(utterances, batching, tmp_path / "out")
    statuses = [r.status for r in result.utterances]
    assert all(status is not Status.INTERRUPTED for status in statuses[:3])
    assert statuses[3:] == [Status.INTERRUPTED] * 4
    files = sorted(path.name for path in (tmp_path / "out").glob("*.TextGrid"))
    assert files == ["0.TextGrid", "1.TextGrid", "2.TextGrid"]
    shutil.rmtree(tmp_path / "out")


def test_a_fault_of_ours_between_utterances_ends_the_run(batching, corpus, tmp_path, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("speechalign.pipeline.recording.align", broken)
    with pytest.raises(ZeroDivisionError):
        align_corpus(read_corpus(corpus), batching, tmp_path / "out")
