"""What is said of a corpus: counts, exit statuses, manifest, table and list of guessed words."""

import csv
import json
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechalign.errors import InputError
from speechalign.pipeline.manifest import (
    ANALYSIS,
    MANIFEST,
    OOVS,
    CorpusResult,
    Status,
    UtteranceResult,
    WordResult,
    read_manifest,
)

PHONES = (("T", 0.5, 0.6), ("IY", 0.6, 1.0))
WORD = WordResult("Tea,", 0.5, 1.0, 0.75, "dictionary", ("tea",), PHONES)
ALIGNED = UtteranceResult(
    utterance="slt/tea",
    recording="slt/tea",
    status=Status.ALIGNED,
    reason=None,
    kept=False,
    text="Tea,",
    speaker="slt",
    start=0.0,
    end=4.75,
    outputs=("slt/tea.TextGrid",),
    log_likelihood=-100.123456789,
    confidence=0.75,
    signal_to_noise=40.0,
    words=(WORD,),
    audio="corpus/slt/tea.flac",
    audio_sha256="0" * 64,
    sample_rate=16000,
    channels=1,
    channel=None,
    model="english-sphinx",
    version="0.1.0",
)
FAILED = replace(
    ALIGNED, status=Status.FAILED, reason="why", end=None, outputs=(), log_likelihood=None,
    confidence=None, signal_to_noise=None, words=(), audio_sha256=None, sample_rate=None,
    channels=None,
)  # fmt: skip


def corpus(*statuses):
    return CorpusResult(
        tuple(
            replace(ALIGNED if status in "aligned doubtful kept" else FAILED,
                    utterance=f"u{number}", status=Status(status))
            for number, status in enumerate(statuses)
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("statuses", "exit_status"),
    [
        (["aligned", "aligned"], 0),
        (["aligned", "doubtful", "kept"], 0),
        (["kept"], 0),
        (["aligned", "failed"], 3),
        (["aligned", "interrupted"], 3),
        (["failed", "failed"], 4),
        (["interrupted"], 4),
        (["aligned", "crashed"], 1),
        (["failed", "crashed"], 1),
    ],
)
def test_exit_status(statuses, exit_status):
    result = corpus(*statuses)
    assert result.exit_status == exit_status
    assert [result.count(Status(name)) for name in statuses] == [
        statuses.count(name) for name in statuses
    ]


# Half a surrogate pair stands for a byte of a file name that is not UTF-8.
text = st.text(st.characters(exclude_categories=["Cs"]) | st.just("\udce9"), max_size=8)
seconds = st.floats(0, 1e6, allow_nan=False)
words = st.builds(
    WordResult, text, seconds, seconds, st.none() | st.floats(0, 1), text,
    st.lists(text, max_size=3).map(tuple),
    st.lists(st.tuples(text, st.just(0.25), st.just(0.5)), max_size=3).map(tuple),
)  # fmt: skip
utterances = st.builds(
    UtteranceResult, text, text, st.sampled_from(Status), st.none() | text, st.booleans(), text,
    st.none() | text, seconds, st.none() | seconds, st.lists(text, max_size=2).map(tuple),
    st.none() | st.floats(-1e6, 0), st.none() | st.floats(0, 1), st.none() | st.floats(-90, 90),
    st.lists(words, max_size=2).map(tuple), text, st.none() | text, st.none() | st.integers(1),
    st.none() | st.integers(1), st.none() | st.integers(0), text, text,
)  # fmt: skip


@given(st.lists(utterances, max_size=4, unique_by=lambda result: result.utterance))
@settings(max_examples=100)
def test_the_manifest_reads_back(tmp_path_factory, results):
    folder = tmp_path_factory.mktemp("manifest")
    CorpusResult(tuple(replace(result, words=()) for result in results)).write(folder)
    wanted = {result.utterance: replace(result, words=()) for result in results}
    assert read_manifest(folder) == wanted
    assert sorted(path.name for path in folder.iterdir()) == sorted([MANIFEST, ANALYSIS, OOVS])


@given(words)
def test_words_read_back(tmp_path_factory, word):
    folder = tmp_path_factory.mktemp("manifest")
    (folder / MANIFEST).write_text("")
    result = replace(ALIGNED, words=(replace(word, start=0.5, end=1.0, source="dictionary"),))
    CorpusResult((result,)).write(folder)
    assert read_manifest(folder) == {"slt/tea": result}


def test_a_line_is_plain_json(tmp_path):
    odd = replace(ALIGNED, text="Zoë\u2028🙂")
    CorpusResult((odd, replace(FAILED, utterance="b"))).write(tmp_path)
    lines = (tmp_path / MANIFEST).read_text(encoding="utf-8").split("\n")
    assert len(lines) == 3
    assert lines[2] == ""
    first = json.loads(lines[0])
    assert list(first) == [
        "utterance", "recording", "status", "reason", "kept", "text", "speaker", "start", "end",
        "outputs", "log_likelihood", "confidence", "signal_to_noise", "words", "audio",
        "audio_sha256", "sample_rate", "channels", "channel", "model", "version", "licence", "unit",
    ]  # fmt: skip
    assert first["status"] == "aligned"
    assert first["log_likelihood"] == -100.123456789
    assert first["words"][0] == {
        "label": "Tea,", "start": 0.5, "end": 1.0, "confidence": 0.75, "source": "dictionary",
        "spoken": ["tea"], "phones": [["T", 0.5, 0.6], ["IY", 0.6, 1.0]], "tokens": [],
    }  # fmt: skip
    assert "Zoë" in lines[0]


def test_no_manifest_is_no_results(tmp_path):
    assert read_manifest(tmp_path) == {}
    (tmp_path / MANIFEST).write_text("")
    assert read_manifest(tmp_path) == {}


@pytest.mark.parametrize("damage", [lambda line: line[:-9], lambda line: line.replace("kept", "k")])
def test_damage_is_found(tmp_path, damage):
    CorpusResult((ALIGNED,)).write(tmp_path)
    manifest = tmp_path / MANIFEST
    line = manifest.read_text()
    manifest.write_text(line + damage(line))
    with pytest.raises(InputError, match=r"manifest\.jsonl:2: damaged, or of another version"):
        read_manifest(tmp_path)
    manifest.write_bytes(line.encode() + b"\xff\n")
    with pytest.raises(InputError, match=r"manifest\.jsonl:2: damaged"):
        read_manifest(tmp_path)


def test_analysis(tmp_path):
    def spoken(duration, name):
        phones = (("T", 1.0, 1.0 + duration), ("IY", 1.0 + duration, 2.0))
        word = replace(WORD, start=1.0, end=2.0, confidence=0.25, source="g2p", phones=phones)
        return replace(ALIGNED, utterance=name, words=(WORD, word))

    few = [spoken(0.1, "a,b"), spoken(0.2, 'c"d'), replace(FAILED, utterance="failed")]
    CorpusResult(tuple(few)).write(tmp_path)
    with (tmp_path / ANALYSIS).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["utterance"] for row in rows] == ["a,b", 'c"d', "failed"]
    first, second, failed = rows
    assert first["status"] == "aligned"
    assert (first["begin"], first["end"]) == ("0.0000", "4.7500")
    assert (first["words"], first["guessed_words"]) == ("2", "1")
    assert first["lowest_word_confidence"] == "0.2500"
    assert first["words_per_second"] == f"{2 / 1.5:.4f}"
    assert first["longest_word"] == "1.0000"
    assert first["signal_to_noise_db"] == "40.0000"
    # T lasts 0.1, 0.1, 0.1 and 0.2 s: the last is sqrt(3) standard deviations off in logarithms.
    assert second["phone_duration_deviation"] == f"{math.sqrt(3):.4f}"
    assert float(first["phone_duration_deviation"]) < math.sqrt(3)
    assert failed["status"] == "failed"
    assert all(
        failed[name] == ""
        for name in ("end", "words", "confidence", "words_per_second", "phone_duration_deviation")
    )


def test_guessed_words_by_frequency(tmp_path):
    def guess(*spoken):
        return replace(WORD, source="g2p", spoken=spoken)

    words = (guess("zoo"), guess("bar"), WORD, guess("aft"), guess("zoo"))
    CorpusResult((replace(ALIGNED, words=words), FAILED)).write(tmp_path)
    assert (tmp_path / OOVS).read_text() == "zoo\t2\tT IY\naft\t1\tT IY\nbar\t1\tT IY\n"
