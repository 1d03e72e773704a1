"""Turns of speakers: RTTM files, tiers, and what belongs to which recording."""

import pytest

from speechalign import Alignment, Interval, write_alignment
from speechalign.corpus.turns import read_turns
from speechalign.errors import FormatError, InputError

RTTM = """;; made by hand
SPKR-INFO talk 1 <NA> <NA> <NA> adult_male bob <NA> <NA>
SPEAKER talk 1 1.5 2.25 <NA> <NA> bob <NA> <NA>
SPEAKER talk 1 0.00 2.0 <NA> <NA> ann 0.93 <NA>
SPEAKER talk 1 9 0 <NA> <NA> ann <NA> <NA>
SPEAKER s/b 1 0.5 1 <NA> <NA> carl <NA> <NA>
"""


def test_rttm(tmp_path):
    path = tmp_path / "all.rttm"
    path.write_text(RTTM)
    turns = read_turns(path)
    assert turns.of("ann/talk", 9.0) == (Interval(0, 2, "ann"), Interval(1.5, 3.75, "bob"))
    assert turns.of("s/b", 1.2) == (Interval(0.5, 1.5, "carl"),)
    assert turns.hash("talk") == turns.hash("x/talk") != turns.hash("s/b")


def test_folders_of_rttm_and_of_tiers(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "talk.rttm").write_text(RTTM)
    tiers = {
        "Ann - utterances": [Interval(0, 1, "yes")],
        "Bob - utterances": [Interval(0.5, 2, "no no")],
        "Bob - words": [Interval(0.5, 1, "no"), Interval(1, 2, "no")],
    }
    write_alignment(Alignment(tiers, 3.0), tmp_path / "s/c.TextGrid")
    turns = read_turns(tmp_path)
    assert set(turns.recordings) == {"talk", "s/b", "s/c"}
    assert turns.of("s/c", 3.0) == (Interval(0, 1, "Ann"), Interval(0.5, 2, "Bob"))
    one = read_turns(tmp_path / "s/c.TextGrid")
    assert one.of("any/c", 3.0) == turns.of("s/c", 3.0)


def test_turns_of_another_recording(tmp_path):
    path = tmp_path / "all.rttm"
    path.write_text(RTTM)
    turns = read_turns(path)
    with pytest.raises(InputError, match=r"no turns of the recording 'b', only of 's/b', 'talk'"):
        turns.of("b", 9.0)
    with pytest.raises(InputError, match=r"until 3\.75 s in 'talk', which ends at 2\.00 s; these"):
        turns.of("talk", 2.0)
    turns.check(["x", "talk"])
    with pytest.raises(InputError, match=r"the corpus has only 'u', 'v', 'x' and 1 more"):
        turns.check(["x", "y", "u", "v"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SPEAKER a 1 x 1 <NA> <NA> b <NA> <NA>\n", "line 1: expected a start and a duration"),
        ("SPEAKER a 1 0 -1 <NA> <NA> b <NA> <NA>\n", "line 1: expected a start and a duration"),
        ("SPEAKER a 1 0 nan <NA> <NA> b\n", "line 1: expected a start and a duration"),
        ("\n1 2 3\n", "line 2: expected 'SPEAKER recording .*is it an RTTM file"),
        ("hello there this is no file of turns\n", "line 1: expected 'SPEAKER recording"),
    ],
)
def test_damaged_rttm(text, message, tmp_path):
    path = tmp_path / "x.rttm"
    path.write_text(text)
    with pytest.raises(FormatError, match=message):
        read_turns(path)


def test_no_turns(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_turns(tmp_path / "none.rttm")
    with pytest.raises(InputError, match=r"no \.rttm and no \.TextGrid in it"):
        read_turns(tmp_path)
