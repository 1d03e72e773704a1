"""Results and their manifest: counts, exit statuses, lines, table and list of guessed words."""

import csv
import errno
import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechalign.aligners.search import Search
from speechalign.alignment import Interval, Margins
from speechalign.errors import InputError, SpeechAlignWarning
from speechalign.pipeline.analysis import ANALYSIS, OOVS
from speechalign.pipeline.manifest import MANIFEST, Manifest
from speechalign.pipeline.result import CorpusResult, Status, UtteranceResult
from speechalign.text.word import Token, Word

PHONES = (Interval(0.5, 0.6, "T"), Interval(0.6, 1.0, "IY"))
WORD = Word("Tea,", ("tea",), "dictionary", span=Interval(0.5, 1.0, "Tea,", 0.75), phones=PHONES)
ALIGNED = UtteranceResult(
    utterance="slt/tea",
    recording="slt/tea",
    status=Status.ALIGNED,
    reason=None,
    text="Tea,",
    speaker="slt",
    start=0.0,
    end=4.75,
    channel=None,
    audio="corpus/slt/tea.flac",
    audio_duration=4.75,
    audio_sha256="0" * 64,
    sample_rate=16000,
    channels=1,
    model="english-sphinx",
    licence="BSD",
    settings={"language": "en"},
    outputs=("slt/tea.TextGrid",),
    outputs_sha256=("1" * 64,),
    log_likelihood=-100.123456789,
    confidence=0.75,
    signal_to_noise=40.0,
    words=(WORD,),
)
FAILED = replace(
    ALIGNED, status=Status.FAILED, reason="why", end=None, outputs=(), outputs_sha256=(),
    log_likelihood=None, confidence=None, signal_to_noise=None, words=(), audio_sha256=None,
    sample_rate=None, channels=None,
)  # fmt: skip


def write(folder, *results):
    """Write results as a run does."""
    manifest = Manifest(folder)
    with manifest.writing() as lines:
        lines.extend(results)
    manifest.finish()


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
        (["aligned", "stale"], 3),
        (["stale"], 4),
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
intervals = st.builds(
    lambda start, duration, label, confidence: Interval(
        start, start + duration, label, confidence
    ),
    seconds, st.floats(0.001, 10), text, st.none() | st.floats(0, 1),
)  # fmt: skip
unsure = intervals.map(lambda interval: replace(interval, confidence=None))
words = st.builds(
    lambda span, **others: Word(span.label, span=span, **others),
    intervals,
    spoken=st.lists(text, max_size=3).map(tuple),
    source=st.sampled_from(["letters", "dictionary", "g2p", "noise", "unknown"]),
    phones=st.lists(unsure, max_size=3).map(tuple),
    tokens=st.lists(st.builds(Token, unsure, st.integers(0, 3), st.integers(3, 5)), max_size=2)
    .map(tuple),
)  # fmt: skip
names = st.lists(text, max_size=2).map(tuple)
utterances = st.builds(
    UtteranceResult,
    utterance=text,
    recording=text,
    status=st.sampled_from([status for status in Status if status is not Status.REMOVED]),
    reason=st.none() | text,
    text=text,
    speaker=st.none() | text,
    start=seconds,
    end=st.none() | seconds,
    channel=st.none() | st.integers(0),
    audio=text,
    model=text,
    licence=st.none() | text,
    version=text,
    settings=st.dictionaries(text, text, max_size=2),
    audio_duration=st.none() | seconds,
    audio_sha256=st.none() | text,
    sample_rate=st.none() | st.integers(1),
    channels=st.none() | st.integers(1),
    outputs=names,
    outputs_sha256=names,
    log_likelihood=st.none() | st.floats(-1e6, 0),
    confidence=st.none() | st.floats(0, 1),
    signal_to_noise=st.none() | st.floats(-90, 90),
    unit=text,
    words=st.lists(words, max_size=2).map(tuple),
)


@given(st.lists(utterances, max_size=4, unique_by=lambda result: result.utterance))
@settings(max_examples=100)
def test_the_manifest_reads_back(tmp_path_factory, results):
    folder = tmp_path_factory.mktemp("manifest")
    results = [
        replace(result, words=tuple(replace(w, source="letters") for w in result.words))
        for result in results
    ]
    write(folder, *results)
    assert Manifest(folder).read() == {result.utterance: result for result in results}
    assert sorted(path.name for path in folder.iterdir()) == sorted([MANIFEST, ANALYSIS, OOVS])


@given(words)
def test_words_read_back(tmp_path_factory, word):
    folder = tmp_path_factory.mktemp("manifest")
    result = replace(ALIGNED, words=(replace(word, source="dictionary"),))
    write(folder, result)
    assert Manifest(folder).read() == {"slt/tea": result}


def test_what_posteriors_say_reads_back(tmp_path):
    margins = Margins(-0.03, -0.01, 0.0, 0.02)
    span = Interval(0.5, 1.0, "Tea,", 0.75, None, margins)
    phones = (
        Interval(0.5, 0.7, "T", 0.9, None, margins, -0.1),
        Interval(0.7, 1.0, "IY", None, margins, margins, None),
    )
    ways = (((("T", "IY"), 0.75), (("T", "EY"), 0.25)),)
    word = replace(WORD, span=span, phones=phones, pronunciations=ways)
    result = replace(ALIGNED, words=(word,))
    write(tmp_path, result)
    assert Manifest(tmp_path).read() == {"slt/tea": result}


# --- several writers, and runs that end without a chance to finish


def test_the_last_line_of_an_utterance_counts(tmp_path):
    other = replace(ALIGNED, utterance="other", recording="other")
    write(tmp_path, replace(ALIGNED, status=Status.INTERRUPTED, words=()), other)
    write(tmp_path, ALIGNED)
    assert Manifest(tmp_path).read() == {"other": other, "slt/tea": ALIGNED}
    assert (tmp_path / MANIFEST).read_text("utf-8").count("\n") == 2
    write(tmp_path, replace(other, status=Status.REMOVED, words=()))
    assert Manifest(tmp_path).read() == {"slt/tea": ALIGNED}
    assert (tmp_path / MANIFEST).read_text("utf-8").count("\n") == 1


@pytest.mark.parametrize("length", [1, 100, -1])
def test_a_line_that_a_killed_run_left_unfinished_does_not_count(tmp_path, length):
    write(tmp_path, ALIGNED)
    path = tmp_path / MANIFEST
    line = path.read_bytes()
    path.write_bytes(line + line.replace(b"slt/tea", b"slt/x")[:length])
    assert Manifest(tmp_path).read() == {"slt/tea": ALIGNED}
    write(tmp_path, FAILED)
    assert Manifest(tmp_path).read() == {"slt/tea": FAILED}


def test_systems_and_file_systems_without_locks(tmp_path, monkeypatch):
    monkeypatch.setattr("speechalign.files.appending.flock", None)
    write(tmp_path, ALIGNED)
    write(tmp_path, replace(ALIGNED, utterance="other", recording="other"))
    assert len(Manifest(tmp_path).read()) == 2

    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("speechalign.files.appending.flock", refuse)
    with pytest.warns(SpeechAlignWarning, match="this file system has no locks; align"):
        write(tmp_path, FAILED)
    assert Manifest(tmp_path).read()["slt/tea"] == FAILED


def test_a_manifest_that_is_replaced_while_one_waits_is_opened_again(tmp_path):
    write(tmp_path, ALIGNED)
    others = [replace(ALIGNED, utterance=f"u{n}", recording=f"u{n}") for n in range(40)]

    def work(number):
        write(tmp_path, *others[4 * number : 4 * number + 4])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(10)))
    assert set(Manifest(tmp_path).read()) == {"slt/tea", *(other.utterance for other in others)}


def test_a_line_is_plain_json(tmp_path):
    odd = replace(ALIGNED, text="Zoë\u2028🙂")
    write(tmp_path, odd, replace(FAILED, utterance="b", recording="z"))
    lines = (tmp_path / MANIFEST).read_text(encoding="utf-8").split("\n")
    assert len(lines) == 3
    assert lines[2] == ""
    first = json.loads(lines[0])
    assert list(first) == [
        "utterance", "recording", "status", "reason", "text", "speaker", "start", "end", "channel",
        "audio", "model", "licence", "version", "settings", "audio_duration", "audio_sha256",
        "sample_rate", "channels", "channel_mix", "outputs", "outputs_sha256", "log_likelihood",
        "confidence", "signal_to_noise", "unit", "words", "untranscribed", "spoken_pauses",
        "segments", "search", "edited", "checked",
    ]  # fmt: skip
    assert first["status"] == "aligned"
    assert first["log_likelihood"] == -100.123456789
    assert first["words"][0] == {
        "label": "Tea,", "status": "aligned", "start": 0.5, "end": 1.0, "confidence": 0.75,
        "source": "dictionary", "spoken": ["tea"], "tokens": [],
        "phones": [["T", 0.5, 0.6], ["IY", 0.6, 1.0]],
    }  # fmt: skip
    assert "Zoë" in lines[0]


def test_what_is_not_in_audio_or_text_comes_back(tmp_path):
    skipped = Word("or", ("or",), "dictionary", status="skipped")
    again = replace(ALIGNED.words[0], status="repeated")
    result = replace(
        ALIGNED,
        words=(ALIGNED.words[0], again, skipped),
        untranscribed=(Interval(2.0, 3.5, "other speech"),),
        search=Search("band", certified=True, width=12),
    )
    write(tmp_path, result)
    assert Manifest(tmp_path).read() == {"slt/tea": result}


def test_no_manifest_is_no_results(tmp_path):
    assert Manifest(tmp_path).read() == {}
    (tmp_path / MANIFEST).write_text("")
    assert Manifest(tmp_path).read() == {}


@pytest.mark.parametrize(
    "damaged", ["{}", '{"utterance": "x"}', "[1]", "words", '{"status": "odd"}', "\udcff"]
)
def test_damage_is_found(tmp_path, damaged):
    write(tmp_path, ALIGNED)
    with (tmp_path / MANIFEST).open("a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(f"{damaged}\n")
    with pytest.raises(InputError, match=r"manifest\.jsonl:2: damaged, or of another version"):
        Manifest(tmp_path).read()


def test_analysis(tmp_path):
    def spoken(duration, name):
        phones = (Interval(1.0, 1.0 + duration, "T"), Interval(1.0 + duration, 2.0, "IY"))
        span = Interval(1.0, 2.0, "Tea,", 0.25)
        word = replace(WORD, span=span, source="g2p", phones=phones)
        return replace(ALIGNED, utterance=name, recording=name, words=(WORD, word))

    failed = replace(FAILED, utterance="failed", recording="failed")
    write(tmp_path, spoken(0.1, "a,b"), spoken(0.2, 'c"d'), failed)
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
    write(tmp_path, replace(ALIGNED, words=words), replace(FAILED, utterance="x"))
    assert (tmp_path / OOVS).read_text() == "zoo\t2\tT IY\naft\t1\tT IY\nbar\t1\tT IY\n"
