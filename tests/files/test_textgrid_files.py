"""TextGrids as Praat saves them: one grid in four forms, and what damage does to them."""

import random

import pytest

from speechalign.errors import FormatError
from speechalign.files.textgrid import read_textgrid

# The same grid, saved by Praat 6.4 (praat-parselmouth) in each of its forms.
BINARY = bytes.fromhex(
    "6f6f42696e61727946696c6508546578744772696400000000000000003ff800000000000001000000030c49"
    "6e74657276616c546965720005776f72647300000000000000003ff800000000000000000002000000000000"
    "00003fe0000000000000000f61202271756f7465642220776f72643fe00000000000003ff800000000000000"
    "000854657874546965720005746f6e657300000000000000003ff8000000000000000000013fe80000000000"
    "000006482a202222780c496e74657276616c546965720003416e6e00000000000000003ff800000000000000"
    "00000200000000000000003ff400000000000000003ff40000000000003ff8000000000000ffff000700e900"
    "7400e900206f220020d83dde00"
)
CHRONOLOGICAL = '''"Praat chronological TextGrid text file"
0 1.5   ! Time domain.
3   ! Number of tiers.
"IntervalTier" "words" 0 1.5
"TextTier" "tones" 0 1.5
"IntervalTier" "Ann" 0 1.5

! words:
1 0 0.5
"a ""quoted"" word"

! Ann:
3 0 1.25
""

! words:
1 0.5 1.5
""

! tones:
2 0.75
"H* """"x"

! Ann:
3 1.25 1.5
"été 漢 😀"
'''
SHORT = '''File type = "ooTextFile"
Object class = "TextGrid"

0
1.5
<exists>
3
"IntervalTier"
"words"
0
1.5
2
0
0.5
"a ""quoted"" word"
0.5
1.5
""
"TextTier"
"tones"
0
1.5
1
0.75
"H* """"x"
"IntervalTier"
"Ann"
0
1.5
2
0
1.25
""
1.25
1.5
"été 漢 😀"
'''


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.TextGrid"


FORMS = {
    "binary": BINARY,
    "chronological": CHRONOLOGICAL.encode("utf-16"),
    "short": SHORT.encode("utf-16"),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_praat(path, form):
    path.write_bytes(FORMS[form])
    grid = read_textgrid(path)
    assert (grid.duration, grid.points) == (1.5, ["tones"])
    found = {t.name: [(m.start, m.end, m.text) for m in t.marks] for t in grid.tiers}
    assert found == {
        "words": [(0, 0.5, 'a "quoted" word'), (0.5, 1.5, "")],
        "Ann": [(0, 1.25, ""), (1.25, 1.5, "été 漢 😀")],
    }


@pytest.mark.parametrize("form", ["binary", "short"])
def test_a_file_cut_off_anywhere_is_an_error(path, form):
    whole = FORMS[form]
    for size in range(0, len(whole) if form == "binary" else whole.rindex(b'"'), 3):
        path.write_bytes(whole[:size])
        with pytest.raises(FormatError, match=str(path)):
            read_textgrid(path)


def test_a_damaged_binary_file_raises_format_errors_only(path):
    generator = random.Random(0)
    messages = []
    for _ in range(500):
        data = bytearray(BINARY)
        for _ in range(generator.randint(1, 4)):
            data[generator.randrange(12, len(data))] = generator.randrange(256)
        path.write_bytes(data)
        try:
            read_textgrid(path)
        except FormatError as error:
            messages.append(str(error))
    assert len(messages) > 100
    assert all(str(path) in message for message in messages)


def test_a_mark_of_a_tier_that_is_not_there(path):
    path.write_text(CHRONOLOGICAL.replace("2 0.75", "4 0.75"))
    with pytest.raises(FormatError, match=r"line \d+: expected a tier from 1 to 3, got 4"):
        read_textgrid(path)
