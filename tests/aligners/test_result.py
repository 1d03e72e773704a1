"""The result for one utterance: iteration, plain data, tables, files and plots."""

import json
import pickle
import sys

import numpy as np
import pytest

from speechalign.aligners.result import AlignedUtterance
from speechalign.aligners.search import Search
from speechalign.alignment import Interval
from speechalign.audio.waveform import Waveform
from speechalign.errors import BackendError, FormatError, InputError
from speechalign.formats import read_alignment, write_alignment
from speechalign.metrics import boundary_errors
from speechalign.text.word import Token, Word

WAVEFORM = Waveform(np.zeros(16000, np.float32), 16000)
PHONES = AlignedUtterance.of(
    [
        Word("Hi,", ("hi",), "dictionary", span=Interval(0.25, 0.5, "Hi,", np.float32(0.75)),
             phones=(Interval(0.25, 0.375, "HH"), Interval(0.375, 0.5, "AY"))),
        Word("$5", ("five", "dollars"), "g2p", span=Interval(0.5, 1.0, "$5", 0.5),
             phones=(Interval(0.5, 1.0, "F"),)),
    ],
    WAVEFORM, log_likelihood=np.float64(-7.5), unit="phones",
)  # fmt: skip
LETTERS = AlignedUtterance.of(
    [
        Word("Oh!", ("oh",), span=Interval(0.0, 0.5, "Oh!", 1.0),
             tokens=(Token(Interval(0.0, 0.25, "O"), 0, 1), Token(Interval(0.25, 0.5, "h"), 1, 2)))
    ],
    WAVEFORM, log_likelihood=-1, unit="characters",
)  # fmt: skip


# The text is "ba da ga"; the recording says "da", a noise, "ba", "da" again.
PARTED = AlignedUtterance.of(
    [
        Word("ba", ("ba",), "dictionary", span=Interval(0.5, 0.625, "ba", 0.5),
             phones=(Interval(0.5, 0.625, "B"),)),
        Word("da", ("da",), "dictionary", span=Interval(0.0, 0.25, "da", 0.75),
             phones=(Interval(0.0, 0.25, "D"),)),
        Word("da", ("da",), "dictionary", span=Interval(0.75, 1.0, "da", 0.75),
             phones=(Interval(0.75, 1.0, "D"),), status="repeated"),
        Word("ga", ("ga",), "dictionary", status="skipped"),
    ],
    WAVEFORM, log_likelihood=-1, unit="phones", untranscribed=[Interval(0.25, 0.5, "noise")],
    search=Search("beam", certified=False),
)  # fmt: skip


def test_the_picture_of_text_and_audio_that_part():
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    pytest.importorskip("librosa", reason="needs librosa")
    assert PARTED.plot().axes[0].get_ylabel() == "word of the text"
    assert PHONES.plot().axes[0].get_ylabel() == "amplitude"


def test_text_and_audio_that_part():
    assert [word.label for word in PARTED] == ["ba", "da", "da", "ga"]
    assert [(word.label, word.start) for word in PARTED.said] == [
        ("da", 0.0), ("ba", 0.5), ("da", 0.75),
    ]  # fmt: skip
    assert [i.label for i in PARTED.alignment.tiers["phones"]] == ["D", "B", "D"]
    assert PARTED.misfit_tier == (Interval(0.25, 0.5, "noise"), Interval(0.75, 1.0, "repeated"))
    data = PARTED.to_dict()
    assert [(w["status"], w["start"]) for w in data["words"]] == [
        ("aligned", 0.5), ("aligned", 0.0), ("repeated", 0.75), ("skipped", None),
    ]  # fmt: skip
    assert data["untranscribed"] == [["noise", 0.25, 0.5]]
    assert data["search"] == {"method": "beam", "certified": False, "width": None}
    assert repr(PARTED).splitlines()[-1].split() == ["ga", "skipped"]
    closed = PARTED.without_short_pauses(0.2)
    assert [word.span and (word.start, word.end) for word in closed] == [
        (0.5, 0.6875), (0.0, 0.25), (0.6875, 1.0), None,
    ]  # fmt: skip
    moved = PARTED.shifted(-0.125)
    assert [word.span and word.end for word in moved] == [0.5, 0.125, 0.875, None]


def test_a_table_of_skipped_words():
    pytest.importorskip("pandas", reason="needs pandas")
    table = PARTED.to_dataframe()
    assert table["start"].isna().tolist() == [False, False, False, True]
    assert len(PARTED.to_dataframe("phones")) == 3


def test_it_is_a_sequence_of_words():
    assert [word.label for word in PHONES] == ["Hi,", "$5"]
    assert list(PHONES) == list(PHONES.words)
    assert len(PHONES) == 2
    assert pickle.loads(pickle.dumps(PHONES)).words == PHONES.words


def test_plain_data():
    found = PHONES.to_dict()
    assert json.loads(json.dumps(found)) == found
    assert found == {
        "duration": 1.0,
        "log_likelihood": -7.5,
        "confidence": (0.25 * 0.75 + 0.5 * 0.5) / 0.75,
        "unit": "phones",
        "search": {"method": "full", "certified": True, "width": None},
        "untranscribed": [],
        "spoken_pauses": [],
        "words": [
            {
                "label": "Hi,", "status": "aligned", "start": 0.25, "end": 0.5, "confidence": 0.75,
                "source": "dictionary", "spoken": ["hi"], "tokens": [],
                "phones": [["HH", 0.25, 0.375], ["AY", 0.375, 0.5]],
            },
            {
                "label": "$5", "status": "aligned", "start": 0.5, "end": 1.0, "confidence": 0.5,
                "source": "g2p", "spoken": ["five", "dollars"], "tokens": [],
                "phones": [["F", 0.5, 1.0]],
            },
        ],
    }  # fmt: skip
    assert type(PHONES.log_likelihood) is float
    assert LETTERS.to_dict()["words"][0]["tokens"] == [["O", 0, 0.25, 0, 1], ["h", 0.25, 0.5, 1, 2]]


def test_tables():
    pytest.importorskip("pandas", reason="needs pandas")
    words = PHONES.to_dataframe()
    assert words.to_dict("list") == {
        "label": ["Hi,", "$5"],
        "start": [0.25, 0.5],
        "end": [0.5, 1.0],
        "duration": [0.25, 0.5],
        "confidence": [0.75, 0.5],
        "source": ["dictionary", "g2p"],
        "spoken": ["hi", "five dollars"],
    }
    phones = PHONES.to_dataframe("phones")
    assert phones["word"].tolist() == [0, 0, 1]
    assert phones["label"].tolist() == ["HH", "AY", "F"]
    assert phones["duration"].tolist() == [0.125, 0.125, 0.5]
    assert LETTERS.to_dataframe("characters")["label"].tolist() == ["O", "h"]
    with pytest.raises(InputError, match="tier: expected 'words' or 'phones', got 'tones'"):
        PHONES.to_dataframe("tones")


@pytest.mark.parametrize(
    ("package", "call", "message"),
    [
        ("pandas", PHONES.to_dataframe, "to_dataframe needs pandas; pip install pandas"),
        ("matplotlib", PHONES.plot, r"plotting needs matplotlib.*; pip install 'speechalign\[p"),
        ("librosa", PHONES.plot, r"plotting needs librosa; pip install 'speechalign\[plot\]'"),
    ],
)  # fmt: skip
def test_a_missing_package_is_named(monkeypatch, package, call, message):
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(BackendError, match=message):
        call()


def test_save(tmp_path):
    PHONES.save(tmp_path / "a.TextGrid")
    assert read_alignment(tmp_path / "a.TextGrid").tiers.keys() == {"words", "phones"}
    PHONES.save(str(tmp_path / "a.txt"), format="json")
    assert read_alignment(tmp_path / "a.txt", format="json") == PHONES.alignment
    with pytest.raises(FormatError, match=r"a\.docx: no format goes by this suffix"):
        PHONES.save(tmp_path / "a.docx")


def test_a_result_is_no_alignment(tmp_path):
    with pytest.raises(InputError, match="expected an Alignment, got AlignedUtterance; take the"):
        write_alignment(PHONES, tmp_path / "a.TextGrid")
    with pytest.raises(InputError, match="hypothesis: expected an Alignment, got AlignedUtterance"):
        boundary_errors(PHONES.alignment, PHONES)
