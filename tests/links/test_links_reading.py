"""Files of word links: every format, both bases, and everything that can be wrong with a line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.errors import FormatError, InputError
from speechalign.links import (
    LINK_FORMATS,
    Links,
    format_links,
    pair_links,
    read_links,
    read_parallel,
)

# The same two sentences, "a b" to "x y z" and "c" to "u", in every format.
SAME = {
    "pharaoh": "1-1 2p2 2-3\n1-1\n",
    "naacl": "1 1 1 S\n1 2 2 P\n1 2 3\n2 1 1 S 0.5\n",
    "rwth": "SENT: 0\nS 0 0\nP 1 1\nS 1 2\n\nSENT: 1\nS 0 0\n",
    "giza": (
        "# Sentence pair (1) source length 2 target length 3 alignment score : 0.1\nx y z\n"
        "NULL ({ 2 }) a ({ 1 }) b ({ 3 })\n"
        "# Sentence pair (2) source length 1 target length 1 alignment score : 1e-05\nu\n"
        "NULL ({ }) c ({ 1 })\n"
    ),
    "xml": (
        '<?xml version="1.0" encoding="utf-8"?>\n<set><s id="n1"><english>a b</english>'
        "<czech>x y z</czech><sure>1-1 2-3</sure><possible>2-2</possible></s>"
        '<s id="n2"><english>c</english><czech>u</czech><sure>1-1</sure></s></set>'
    ),
}
FIRST = Links([(0, 0), (1, 2)], [(1, 1)])
SECOND = Links([(0, 0)])


def save(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.fixture
def file(tmp_path):
    return lambda text, name="links": save(tmp_path / name, text)


def test_every_format_is_tested():
    assert set(SAME) == set(LINK_FORMATS)


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("given_format", [True, False])
def test_formats(name, given_format, file):
    found = read_links(file(SAME[name]), format=name if given_format else None)
    first = Links(FIRST.sure) if name == "giza" else FIRST
    assert list(found.sentences.values()) == [first, SECOND]
    assert list(found.sentences) == (["n1", "n2"] if name == "xml" else ["1", "2"])
    assert found.format == name
    assert found.base == ("0" if name == "rwth" else "1")
    assert found.skipped == {}


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", SAME)
def test_line_ends_and_byte_order_mark(name, ending, file):
    found = read_links(file(b"\xef\xbb\xbf" + SAME[name].replace("\n", ending).encode()))
    assert list(found.sentences.values())[1] == SECOND


def test_sure_links_are_possible():
    links = Links([(0, 1)], [(0, 0)])
    assert links.possible == {(0, 0), (0, 1)}
    assert links.swapped() == Links([(1, 0)], [(0, 0)])
    with pytest.raises(InputError, match=r"link \(-1, 0\): expected word indices >= 0"):
        Links([(-1, 0)])


def test_the_base_is_found_by_an_index_of_zero_anywhere(file):
    assert read_links(file("1-1\n2-1\n")).base == "1"
    found = read_links(file("1-1\n2-0\n"))
    assert (found.base, found.sentences["1"]) == ("0", Links([(1, 1)]))
    assert read_links(file("1-1\n2-1\n"), base="0").sentences["1"] == Links([(1, 1)])
    assert read_links(file("1p0\n"), base="auto").base == "0"


def test_an_index_of_zero_where_words_count_from_one_is_named(file):
    path = file("1-1\n2-1 3-0\n")
    with pytest.raises(
        FormatError,
        match=r"links, line 2: sentence 2: link 3-0 in a file that counts words from 1; "
        r"is its base",
    ):
        read_links(path, base="1")
    found = read_links(path, base="1", skip_bad=True)
    assert list(found.sentences) == ["1"]
    assert list(found.skipped) == ["2"]
    assert found.names == ("1", "2")


def test_empty_lines_are_sentences_without_links(file):
    found = read_links(file("\n1-1\n\n"))
    assert list(found.sentences.values()) == [Links([]), SECOND, Links([])]
    assert list(read_links(file("")).sentences) == []


def test_sentences_without_a_line_have_no_links_in_naacl(file):
    found = read_links(file("3 1 1\n1 2 2\n"))
    assert found.sentences == {"1": Links([(1, 1)]), "2": Links([]), "3": SECOND}
    assert found.sparse


def test_naacl_sentences_counted_from_zero(file):
    found = read_links(file("0 0 0\n2 1 2\n"))
    assert found.sentences == {"1": SECOND, "2": Links([]), "3": Links([(1, 2)])}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("pharaoh", "1-1\n1-1 2:3\n", r"line 2: sentence 2: expected a link such as 3-5 or 3p5, "
                                       r"got '2:3'"),
        ("pharaoh", "1-1 -2-3\n", "line 1: sentence 1: .*got '-2-3'"),
        ("pharaoh", b"1-1\n1-\xff\n", "line 2: sentence 2: byte 0xff is not UTF-8 text; save"),
        ("naacl", "1 1 1\n2 1\n", "line 2: sentence 2: expected 'sentence source target'.*'2 1'"),
        ("naacl", "1 1 1 S\nx 1 1 S\n", "line 2: sentence in line 2: expected"),
        ("naacl", b"1 1 1 S\n2 1 \xe9 S\n", "line 2: sentence 2: byte 0xe9 is not UTF-8"),
        ("rwth", "SENT: 0\nS 1\n", "line 2: sentence 1: expected 'S source target' or 'P"),
        ("rwth", "SENT: 4\nS 1 1\nSENT: 4\n", "line 3: sentence 5: the file has this sentence twi"),
        ("rwth", "S 1 1\n", "line 1: sentence in line 1: expected"),
        ("giza", "# Sentence pair (1) x\nu\nNULL ({ }) c ({ 2 })\n",
         "line 3: sentence 1: 'c' generates word 2, but the target has 1 words"),
        ("giza", "# Sentence pair (1) x\nu\nc ({ 1 })\n", r"line 3: sentence 1: expected 'NULL"),
        ("giza", "# Sentence pair (1) x\nu\n", "line 1: .*and two more lines"),
        ("giza", b"# Sentence pair (1) x\n\xe9\nNULL ({ }) c ({ })\n", "sentence 1: byte 0xe9"),
        ("xml", "<set><s id='a'><possible>1-1</possible></s></set>",
         r"<s> number 1: sentence a: expected an element 'sure', got possible"),
        ("xml", "<set><s><sure>1-1 2</sure></s></set>", "sentence 1: expected a link.*got '2'"),
        ("xml", "<set><s><e>a</e><f>b</f><sure>1-2</sure></s></set>",
         "link 1-2 is out of range: 1 and 1 words"),
        ("xml", "<set><s>", "links: not well-formed XML: .*; correct it"),
        ("xml", b"<set><s>\xff</s></set>", "links: not well-formed XML"),
    ],
)  # fmt: skip
def test_faults(name, text, message, file):
    path = file(text)
    with pytest.raises(FormatError, match=message):
        read_links(path, format=name)
    if "not well-formed" not in message:
        found = read_links(path, format=name, skip_bad=True)
        assert len(found.skipped) == 1


def test_refuses(file):
    path = file("1-1\n")
    with pytest.raises(InputError, match="base: expected 'auto', '0' or '1', got '2'"):
        read_links(path, base="2")
    with pytest.raises(InputError, match="no entry 'talp'; there is: giza, naacl, pharaoh"):
        read_links(path, format="talp")
    with pytest.raises(FileNotFoundError):
        read_links(path.with_name("none"))


PAIRS = st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=6)


@given(st.lists(st.builds(Links, PAIRS, PAIRS), max_size=4), st.sampled_from("01"))
def test_round_trip(tmp_path_factory, sentences, base):
    path = tmp_path_factory.mktemp("x") / "links"
    path.write_text(format_links(sentences, base=base))
    assert list(read_links(path, base=base).sentences.values()) == sentences
    path.write_text(format_links(sentences))
    assert list(read_links(path).sentences.values()) == sentences


def test_pairs_by_name(file):
    gold = read_links(file("1-1\n2-2\n3-3\n"))
    found = pair_links(gold, read_links(file("1 1 1\n3 1 1\n4 1 1\n", "hyp")))
    assert found.pairs["1"] == (SECOND, SECOND)
    assert found.pairs["2"] == (Links([(1, 1)]), Links([]))  # no line, no links
    assert list(found.problems) == ["4"]
    assert found.problems["4"].endswith(f"hyp: sentence 4 is not in {gold.path}")


def test_a_missing_sentence(file):
    found = pair_links(read_links(file("1-1\n2-2\n")), read_links(file("1-1\n", "hyp")))
    assert list(found.pairs) == ["1"]
    assert "hyp: sentence 2 of" in found.problems["2"]
    sparse = pair_links(read_links(file("1 1 1\n")), read_links(file("1-1\n2-2\n", "hyp")))
    assert sparse.pairs["2"] == (Links([]), Links([(1, 1)]))


def test_names_and_numbers_are_paired_by_order(file):
    gold = read_links(file(SAME["xml"]))
    assert list(pair_links(gold, read_links(file("1-1\n1-1\n", "h"))).pairs) == ["n1", "n2"]
    other = pair_links(read_links(file("1-1\n1-1\n", "h")), gold)
    assert other.pairs["2"] == (SECOND, SECOND)
    with pytest.raises(InputError, match=r"h: expected 2 sentences as in .*links, got 1"):
        pair_links(gold, read_links(file("1-1\n", "h")))


def test_sentences_left_out_in_reading_are_no_further_problem(file):
    gold = read_links(file("1-1\nx\n3-3\n1-1\n"), skip_bad=True)
    found = pair_links(gold, read_links(file("x\n1-1\n1-1\n1-1\n", "hyp"), skip_bad=True))
    assert list(found.pairs) == ["3", "4"]
    assert found.problems == {}


def test_parallel_text(file):
    assert read_parallel(file("a b ||| c\n|||\n")) == [(["a", "b"], ["c"]), ([], [])]
    for text, message in (("a\n", r"line 1: expected words.*got 'a'"), (b"a ||| \xff", "0xff")):
        with pytest.raises(FormatError, match=message):
            read_parallel(file(text))
