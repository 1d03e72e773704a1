"""TextGrids: what other programs write, what we refuse, and the exact text of ours."""

import pytest

from speechalign import Alignment, Interval, read_alignment, write_alignment
from speechalign.errors import FormatError


def tiers(path):
    found = read_alignment(path)
    return {n: [(i.start, i.end, i.label) for i in t] for n, t in found.tiers.items()}


def grid(*intervals, name="words", xmax=2):
    """Return a short TextGrid of one tier; an interval is (xmin, xmax, text)."""
    values = [0, xmax, "<exists>", 1, '"IntervalTier"', f'"{name}"', 0, xmax, len(intervals)]
    for start, end, label in intervals:
        values += [start, end, f'"{label}"']
    return 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n' + "\n".join(map(str, values))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.TextGrid"


PRAAT_LONG = '''File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0 
xmax = 1.5 
tiers? <exists> 
size = 2 
item []: 
    item [1]:
        class = "TextTier" 
        name = "tones" 
        xmin = 0 
        xmax = 1.5 
        points: size = 2 
        points [1]:
            number = 0.5 
            mark = "H* ""x""" 
        points [2]:
            number = 0.75 
            mark = "" 
    item [2]:
        class = "IntervalTier" 
        name = "my ""words""" 
        xmin = 0 
        xmax = 1.5 
        intervals: size = 2 
        intervals [1]:
            xmin = 0 
            xmax = 0.5 
            text = "xmin = 3 ""é"" ! <exists>
next" 
        intervals [2]:
            xmin = 0.5 
            xmax = 1.5 
            text = " " 
'''  # noqa: W291

PRAAT_SHORT = '''File type = "ooTextFile short"
"TextGrid"

0
1.5 ! a comment, 7 "not" read
<exists>
2
"TextTier"
"tones"
0
1.5
2
0.5
"H* ""x"""
0.75
""
"IntervalTier"
"my ""words"""
0
1.5
2
0
0.5
"xmin = 3 ""é"" ! <exists>
next"
0.5
1.5
" "
'''


@pytest.mark.parametrize("text", [PRAAT_LONG, PRAAT_SHORT])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_reads_what_praat_writes(path, text, encoding):
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    path.write_text(mark + text, encoding=encoding)
    assert tiers(path) == {'my "words"': [(0, 0.5, 'xmin = 3 "é" ! <exists>\nnext')]}
    assert read_alignment(path).duration == 1.5


def test_reads_a_grid_without_tiers(path):
    path.write_text('File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n2.5\n<absent>\n')
    assert read_alignment(path) == Alignment({}, 2.5)


def test_reads_tiers_that_are_not_contiguous(path):
    path.write_text(grid((0.5, 0.75, "a"), (1, 1.25, "b")))
    assert tiers(path) == {"words": [(0.5, 0.75, "a"), (1, 1.25, "b")]}


def test_rounding_of_other_writers_is_forgiven(path):
    path.write_text(grid((0, 1.0000005, "a"), (1, 2.0000005, "b")))
    assert tiers(path) == {"words": [(0, 1.0000005, "a"), (1.0000005, 2, "b")]}


def test_silence_of_no_length_is_passed_over(path):
    path.write_text(grid((0, 1, "a"), (1, 1, ""), (1, 2, "b")))
    assert tiers(path) == {"words": [(0, 1, "a"), (1, 2, "b")]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (grid((0, 1, "a"), (1, 1, "b")), r"line 18, interval 2, tier 'words': 'b': expected 0 <="),
        (grid((0, 3, "a")), r"'a' ends at 3\.0 s, after the recording ends at 2\.0 s"),
        (grid((-1, 1, "a")), r"interval 1, tier 'words': 'a': expected 0 <= start"),
        (grid((0, 1, "a"))[:-4], r"line 14: expected an interval's text, found the end; the file"),
        (grid((0, "oops", "a")), r"line 15: expected an interval's xmax \(a number\), got \"a\""),
        (grid().replace("IntervalTier", "Tear"), r'expected "IntervalTier" or "TextTier", got "T'),
        (PRAAT_LONG.replace("size = 2", "size = 2.5"), r"line 7: expected the number of tiers, a"),
        ('File type = "ooTextFile"\n"Pitch"\n', r'line 2: expected Object class = "TextGrid"'),
        ('"Praat chronological TextGrid text file"', r"line 1: expected xmin, found the end"),
        ("ooBinaryFile\x05Pitch", "a binary file of Praat, but no TextGrid"),
        ("ooBinaryFile\x08TextGrid?", r"byte 21: expected xmin, found the end"),
        ("", r"line 1: expected the file type, found the end"),
    ],
)
def test_refuses(path, text, message):
    path.write_text(text)
    with pytest.raises(FormatError, match=message) as error:
        read_alignment(path)
    assert str(path) in str(error.value)


def test_refuses_two_tiers_of_one_name(path):
    one = '"IntervalTier"\n"a"\n0\n1\n0\n'
    path.write_text(f'"ooTextFile"\n"TextGrid"\n0\n1\n<exists>\n2\n{one}{one}')
    with pytest.raises(FormatError, match=r"line 13: a second tier is called 'a'"):
        read_alignment(path)


@pytest.mark.parametrize("form", ["textgrid", "textgrid-short"])
def test_closes_gaps_of_rounding_and_no_others(path, form):
    tier = [
        Interval(1e-7, 0.1 + 0.2, "a"),
        Interval(0.3 + 2e-7, 0.5, "b"),
        Interval(0.50001, 2 - 1e-7, "c"),
    ]
    write_alignment(Alignment({"words": tier}, 2.0), path, format=form)
    assert tiers(path) == {"words": [(0, 0.1 + 0.2, "a"), (0.1 + 0.2, 0.5, "b"), (0.50001, 2, "c")]}


@pytest.mark.parametrize("form", ["textgrid", "textgrid-short"])
def test_escapes_quotes(path, form):
    write_alignment(Alignment({'"': [Interval(0, 1, '""')]}, 1.0), path, format=form)
    assert path.read_text().count('""""') == 2  # the name: a quoted, doubled quote; the label ...
    assert tiers(path) == {'"': [(0, 1, '""')]}


@pytest.mark.parametrize("form", ["textgrid", "textgrid-short"])
def test_refuses_a_recording_of_no_length(path, form):
    with pytest.raises(FormatError, match="needs a duration above 0 s"):
        write_alignment(Alignment({"words": ()}, 0.0), path, format=form)
    assert not path.exists()


def test_blank_labels_become_silence(path):
    tier = [Interval(0, 0.5, " "), Interval(0.5, 1, "a")]
    write_alignment(Alignment({"words": tier}, 1.0), path)
    assert tiers(path) == {"words": [(0.5, 1, "a")]}
    assert path.read_text().count('text = ""') == 1


def test_reads_the_measuring_data(shared):
    gold = shared / "data/timit-dev/gold"
    found = [read_alignment(path) for path in sorted(gold.rglob("*.TextGrid"))]
    assert len(found) == 80
    assert all(list(alignment.tiers) == ["words", "phones"] for alignment in found)
