"""AlignBatch: rows in, rows out, whatever is wrong with some of them."""

import itertools
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounding_model import SoundingModel

from speechalign import AlignBatch
from speechalign.aligners.aligner import Aligner
from speechalign.errors import AlignmentError, InputError


@pytest.fixture(scope="module")
def batch(examples):
    """The shipped examples as columns, with their sound in the file."""
    found = sorted(examples.rglob("*.lab"))
    return {
        "id": [lab.stem for lab in found],
        "text": [lab.read_text(encoding="utf-8") for lab in found],
        "audio": [str(lab.with_suffix(".flac")) for lab in found],
        "speaker": [lab.parent.name for lab in found],
        "page": list(range(len(found))),
    }


@pytest.fixture(scope="module")
def align_batch(aligner):
    return AlignBatch(aligner)


@pytest.fixture(scope="module")
def times(aligner, batch):
    """What the aligner itself says, without batches."""
    rows = zip(batch["audio"], batch["text"])
    return [
        [(w.label, w.start, w.end, w.confidence) for w in aligner.align(audio, text)]
        for audio, text in rows
    ]


def words(rows):
    return [[tuple(word.values()) for word in row] for row in rows["words"]]


def test_a_batch_has_the_times_of_the_aligner(align_batch, aligner, batch, times):
    rows = align_batch(batch)
    assert rows.items() >= batch.items()
    assert rows["status"] == ["aligned"] * len(times)
    assert words(rows) == times
    first = aligner.align(batch["audio"][0], batch["text"][0])
    assert rows["phones"][0] == [
        {"text": part.label, "start": part.start, "end": part.end}
        for word in first
        for part in word.parts
    ]


def as_bytes(path):
    return Path(path).read_bytes()


def as_samples(path):
    return {"array": soundfile.read(path, dtype="float32")[0], "sampling_rate": 16000}


@pytest.mark.parametrize("kind", [as_bytes, lambda path: {"bytes": as_bytes(path)}, as_samples])
def test_audio_may_be_a_path_bytes_or_samples(align_batch, batch, times, kind):
    assert words(align_batch(batch | {"audio": list(map(kind, batch["audio"]))})) == times


@pytest.mark.parametrize("kind", ["float32", "float64", "int16"])
def test_samples_have_a_column_of_their_rate(align_batch, batch, times, kind):
    read = [soundfile.read(path, dtype=kind)[0] for path in batch["audio"]]
    rates = np.full(len(read), 16000)
    assert words(align_batch(batch | {"audio": read, "sampling_rate": rates})) == times


def test_columns_may_have_other_names(align_batch, aligner, batch, times):
    named = {"sentence" if name == "text" else name: column for name, column in batch.items()}
    with pytest.raises(InputError, match="expected a column 'text', got 'id', 'sentence'"):
        align_batch(named)
    other = AlignBatch(aligner, columns={"text": "sentence"}, tiers=("words",))
    rows = other(named)
    assert words(rows) == times
    assert "text" not in rows
    assert "phones" not in rows


def test_offset_and_duration_cut_an_utterance_out(align_batch, batch, times):
    samples, rate = soundfile.read(batch["audio"][0])
    row = {name: column[:1] for name, column in batch.items()}
    pause = np.zeros(2 * rate)
    whole = np.r_[pause, samples, pause]
    row |= {"audio": [whole], "sampling_rate": [rate]}
    row |= {"offset": [2.0], "duration": [len(samples) / rate]}
    found = words(align_batch(row))[0]
    assert [label for label, *_ in found] == [label for label, *_ in times[0]]
    late = [start - 2.0 for _, start, _, _ in found]
    assert late == pytest.approx([start for _, start, _, _ in times[0]])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"text": None}, "tea: text: expected a string, got NoneType"),
        ({"text": float("nan")}, "tea: text: expected a string, got NoneType"),
        ({"text": " "}, "the transcript is empty"),
        ({"text": "\ud800"}, "half a character"),
        ({"text": "many words " * 200}, "longer than the audio can hold"),
        ({"audio": None}, "tea: audio: expected the bytes of a sound file.*; got none"),
        ({"audio": 7}, "tea: audio: expected the bytes.*; got int"),
        ({"audio": "nowhere.wav"}, "nowhere.wav: there is no such file"),
        ({"audio": b""}, "tea: the file has zero bytes"),
        ({"audio": b"RIFF, but not really"}, "tea: not a sound file"),
        ({"audio": np.zeros(16000, np.float32)}, "sample_rate: expected the sample rate"),
        ({"audio": {"array": np.full(9000, np.nan), "sampling_rate": 16000}}, "finite"),
        ({"offset": -1.0}, "tea: offset: expected seconds from 0 on, got -1.0"),
        ({"offset": 99.0}, "start: expected at least 0"),
        ({"duration": 0}, "tea: duration: expected more than 0 s"),
        ({"duration": "1"}, "tea: duration: expected seconds from 0 on, got '1'"),
    ],
)
def test_an_error_is_a_row(align_batch, batch, times, change, reason):
    place = batch["id"].index("tea")
    changed = {name: list(column) for name, column in batch.items()}
    for name, value in change.items():
        column = changed.setdefault(name, [None] * len(times))
        column[place] = value
    rows = align_batch(changed)
    wanted = [words for number, words in enumerate(times) if number != place]
    assert [row for number, row in enumerate(words(rows)) if number != place] == wanted
    assert rows["status"][place] == "failed"
    assert rows["words"][place] == rows["phones"][place] == []
    assert rows["confidence"][place] is None
    assert re.search(reason, rows["reason"][place])


def test_an_error_may_be_an_exception(aligner, batch):
    strict = AlignBatch(aligner, errors="raise")
    with pytest.raises(AlignmentError, match=r"tea: .*nowhere.wav: there is no such file"):
        strict(batch | {"id": ["tea"] * 3, "audio": ["nowhere.wav"] * 3})


def test_wrong_arguments_are_named(aligner, batch):
    with pytest.raises(InputError, match="tiers: expected some of words, phones; got 'words'"):
        AlignBatch(tiers="words")
    with pytest.raises(InputError, match="errors: expected 'row' or 'raise', got 'skip'"):
        AlignBatch(errors="skip")
    with pytest.raises(InputError, match=r"columns: expected keys among id, text.*; got sound"):
        AlignBatch(columns={"sound": "audio"})
    with pytest.raises(InputError, match="model: expected a name or path, as language"):
        AlignBatch(aligner, language="en")
    with pytest.raises(InputError, match=r"columns of equal length, got .*'text': 2"):
        AlignBatch(aligner)(batch | {"text": ["a", "b"]})
    with pytest.raises(InputError, match="no such model"):
        AlignBatch("english-phinx")(batch)


def test_it_is_sent_by_name_and_loads_once(batch, times):
    loads = []

    def load():
        loads.append(1)
        return Aligner()

    assert words(pickle.loads(pickle.dumps(AlignBatch()))(batch)) == times
    here = AlignBatch(load)
    assert not loads
    here(batch)
    here({name: column[:0] for name, column in batch.items()})
    assert loads == [1]


def test_a_model_by_speaker_needs_the_whole_corpus(batch):
    class Normalising(SoundingModel):
        by_speaker = True

        def hear(self, samples):
            raise NotImplementedError

        def for_speaker(self, heard):
            raise NotImplementedError

    with pytest.raises(InputError, match="must hear all recordings of each"):
        AlignBatch(Normalising(["a", "b", "-"]))(batch)


class Full(SoundingModel):
    """A model on a device that holds so many recordings."""

    batch_seconds = 100.0

    def __init__(self, most):
        super().__init__([*"abcd", "-"])
        self.most = most
        self.sizes = []

    def emit(self, waveforms, lengths):
        self.sizes.append(len(lengths))
        if len(lengths) > self.most:
            raise MemoryError
        return super().emit(waveforms, lengths)


@pytest.mark.parametrize("most", [8, 3, 1, 0])
def test_a_batch_that_is_too_large_is_halved(most):
    model = Full(most)
    sounds = [model.speak(("", 0.1), (letter, 0.2), ("", 0.1)) for letter in "abcd" * 2]
    rows = AlignBatch(model)(
        {
            "id": list(range(8)),
            "text": list("abcd" * 2),
            "audio": [sound.samples for sound in sounds],
            "sampling_rate": [16000] * 8,
        }
    )
    if most:
        assert rows["status"] == ["aligned"] * 8
        assert [row[0]["start"] for row in rows["words"]] == pytest.approx([0.1] * 8, abs=0.05)
        first = {8: [8], 3: [8, 4, 2, 2, 4], 1: [8, 4, 2, 2, 4]}[most]
        assert model.sizes[: len(first)] == first
    else:
        assert rows["status"] == ["failed"] * 8
        assert set(rows["reason"]) == {
            "out of memory, even alone; cut the recording, or give it a machine or device with "
            "more memory"
        }


# --- engines


def test_a_dataset_of_hugging_face_maps_it(align_batch, batch, times, tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets", reason="needs datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    datasets.disable_progress_bars()
    table = datasets.Dataset.from_dict(batch).cast_column("audio", datasets.Audio(decode=False))
    mapped = table.map(align_batch, batched=True, batch_size=2, new_fingerprint="aligned")
    assert words(mapped) == times
    assert mapped["page"][:] == batch["page"]


def test_a_loop_over_a_stream(align_batch, batch, times):
    rows = (dict(zip(batch, row)) for row in zip(*batch.values()))
    found = []
    while some := list(itertools.islice(rows, 2)):
        found += words(align_batch({name: [row[name] for row in some] for name in batch}))
    assert found == times
