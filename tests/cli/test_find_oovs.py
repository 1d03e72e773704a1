"""``speechalign find-oovs``: words that have to be guessed, before anything is aligned."""

import math
import re

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from speechalign.cli.main import cli
from speechalign.text.dictionary import read_dictionary
from speechalign.text.phone_sets import ARPABET


@pytest.fixture
def corpus(tmp_path):
    def make(**transcripts):
        for name, text in transcripts.items():
            soundfile.write(tmp_path / f"{name}.wav", np.zeros(1600), 16000)
            (tmp_path / f"{name}.lab").write_text(text, encoding="utf-8")
        return tmp_path

    return make


def run(*arguments):
    return CliRunner().invoke(cli, ["find-oovs", *map(str, arguments)])


def test_words_without_a_dictionary_entry_by_frequency(corpus):
    folder = corpus(
        a="The blorptang saw a Zqueeb-like [laughter] thing, $5.50 猫",
        b="Zqueeb! blorptang... flimbo",
        c="a ZQUEEB",
    )
    result = run(folder)
    assert result.exit_code == 0
    assert result.stderr == "not understood: 1 (no pronunciation); write what is said\n"
    *rows, last = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[:2] for row in rows] == [["zqueeb", "3"], ["blorptang", "2"], ["flimbo", "1"]]
    assert last == ["猫", "1", ""]
    assert all(re.fullmatch(r"[A-Z]{1,2}( [A-Z]{1,2})+", row[2]) for row in rows)
    assert rows[2][2] == "F L IH M B OW"


def test_numbers_that_are_not_understood_are_named(corpus, tmp_path):
    pytest.importorskip("espeakng_loader", reason="needs espeakng-loader")
    folder = corpus(a="Costa 3,5 euro dal 12.03.2024", b="2-3 volte, (2-3)", c="[risate] 1º.")
    path = tmp_path / "my.dict"
    options = ("--language", "it", "--phones", "espeak")
    result = run(folder, *options, "--output-dictionary", path)
    rows = dict(line.split("\t")[::2] for line in result.stdout.splitlines())
    assert [word for word, phones in rows.items() if not phones] == ["2-3", "1º"]
    assert {"tre", "virgola", "cinque", "dodici", "marzo", "duemilaventiquattro"} < set(rows)
    assert "not understood: 3 " in result.stderr
    assert set(read_dictionary(path)) == {word for word, phones in rows.items() if phones}


def test_pronunciations_in_the_transcript_are_none_to_find(corpus):
    result = run(corpus(a="the blorptang/B L AO R P T AE NG/ saw", b="flimbo/F L XX M/"))
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "'flimbo': the model has no phone 'XX'; " in result.stderr


def test_nothing_to_say(corpus):
    result = run(corpus(a="All of this is known."))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_unusable_transcripts_are_named(corpus):
    folder = corpus(a="blorptang", b="", c="🙂", d="猫")
    result = run(folder)
    assert result.exit_code == 3
    assert result.stdout.startswith("blorptang\t1\t")
    lines = result.stderr.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [["failed", name] for name in "bcd"]
    assert "b.lab: the transcript is empty" in lines[0]
    assert "only '🙂'" in lines[1]
    assert "romanise" in lines[2]
    (folder / "a.lab").write_text("…")
    assert run(folder).exit_code == 4


def test_options_are_read(corpus):
    folder = corpus(a="blorptang")
    assert "swedish: no such model" in run(folder, "--model", "swedish").stderr
    assert run(folder, "--layout", "odd").exit_code == 2
    assert run(folder, "--layout", "mfa", "--speaker-characters", 1, "--channel", 0).exit_code == 0
    result = run(folder / "nowhere")
    assert result.exit_code == 4
    assert "nowhere: there is no such file or folder" in result.stderr


def test_a_dictionary_of_ones_own(corpus, tmp_path):
    folder = corpus(a="Der Kater saß, Kater!", b="Żółw")
    path = tmp_path / "my.dict"
    path.write_text("der\td E\nsaß\tz a: s\n", encoding="utf-8")
    options = (folder, "--dictionary", path, "--language", "de")
    result = run(*options, "--phones", "graphemes")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "kater\t2\tk a t e r\nzolw\t1\tz o l w\n"
    words = [a + b + c for a in "kptr" for b in "aeo" for c in "krt"]
    lines = [f"{word}\t{' '.join(word.upper())}" for word in words]
    path.write_text("\n".join(["der\td E R", "saß\tz a: s", *lines]), encoding="utf-8")
    result = run(*options)
    assert (result.exit_code, result.stdout) == (0, "kater\t2\tK A T E R\nzolw\t1\tO\n")
    assert result.stderr == "learning to pronounce other words from the dictionary\n"


def test_find_edit_align(corpus, tmp_path):
    """The loop of a phonetician: list what is guessed, correct it, and nothing is left to guess."""
    folder = corpus(a="The blorptang saw a Zqueeb, ni3 hao3", b="blorptang's")
    mine, guesses = tmp_path / "mine.dict", tmp_path / "guesses.dict"
    mine.write_text("ni3\tN IY1\nhao3\tHH AW1\n")
    result = run(folder, "--dictionary", mine, "--output-dictionary", guesses)
    assert result.exit_code == 0
    assert [line.split("\t")[0] for line in result.stdout.splitlines()] == [
        "blorptang",
        "blorptang's",
        "zqueeb",
    ]
    assert result.stderr == f"3 words written to {guesses}\n"
    dictionary = read_dictionary(guesses, phones=ARPABET)
    assert set(dictionary) == {"blorptang", "blorptang's", "zqueeb"}
    for word in dictionary:
        shares = [math.exp(p) for p in dictionary.log_priors(word)]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(1, abs=1e-4)
    assert len(dictionary["zqueeb"]) == 3
    again = run(folder, "--dictionary", mine, "--dictionary", guesses)
    assert (again.exit_code, again.stdout, again.stderr) == (0, "", "")
    other = tmp_path / "other.dict"
    nothing = run(folder, "--dictionary", guesses, "--output-dictionary", other)
    assert nothing.stderr == f"{other} is not written: the dictionary has all words\n"
    assert not other.exists()
    refused = run(folder, "--output-dictionary", guesses)
    assert refused.exit_code == 4
    assert f"{guesses}: exists" in refused.stderr


@pytest.mark.parametrize(
    ("text", "dictionary", "language"),
    [
        ("ni3 hao3 wo3", "ni3 n i3\nhao3 x au3\nwo3 w o3\n", "zh"),
        ("ni3 hao3 wo3", "ni3 n i3\nhao3 x au3\nwo3 w o3\n", "en"),
        (
            "Peut-être qu’est-ce kali:na 'aan EU:n s7a7u7",
            "peut-être p ø\nqu'est-ce k ɛ s\nkali:na k a\n'aan ʔ a n\neu:n e u n\ns7a7u7 s ʔ\n",
            "fr",
        ),
        (
            "l'homme qu'il m'a vu, ç'vjen",
            "l' l\nqu' k\nm' m\nç' ts\nhomme ɔ m\nil i l\na a\nvu v y\nvjen v j ɛ n\n",
            "fr",
        ),
    ],
)
def test_tokens_that_the_dictionary_has_as_they_are_written(
    corpus, tmp_path, text, dictionary, language
):
    path = tmp_path / "my.dict"
    path.write_text(dictionary, encoding="utf-8")
    folder = corpus(x=text)
    result = run(folder, "--dictionary", path, "--language", language, "--phones", "graphemes")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    options = ["validate", str(folder), "--dictionary", str(path), "--language", language]
    assert "missing word" not in CliRunner().invoke(cli, options).stdout


def test_a_phone_that_the_model_lacks(corpus, tmp_path):
    path = tmp_path / "my.dict"
    path.write_text("cat K AE T\ndog D AOO G\n")
    result = run(corpus(a="cat"), "--dictionary", path)
    assert result.exit_code == 4
    assert "my.dict:2: 'dog': the model has no phone 'AOO'; the nearest are AO" in result.stderr


def test_a_language_without_a_dictionary(corpus):
    folder = corpus(a="Żółw, 2")
    result = run(folder, "--language", "pl", "--phones", "graphemes")
    assert result.stdout == "dwa\t1\td w a\nżółw\t1\tż ó ł w\n"
    result = run(folder, "--language", "pl")
    assert result.exit_code == 4
    assert "language 'pl': nothing says how its words are pronounced" in result.stderr


def test_a_model_has_its_own_dictionary(corpus):
    result = run(corpus(a="cat"), "--model", "english-sphinx", "--phones", "graphemes")
    assert result.exit_code == 2
    assert "--model has a language and phones; leave out --language, --phones" in result.stderr


def test_what_cannot_pronounce_is_told_once(corpus):
    folder = corpus(a="Kater", b="Katze")
    result = run(folder, "--language", "de", "--phones", "grapheme")
    assert result.exit_code == 4
    assert result.stderr.startswith("error: pronunciation 'grapheme': no such name and no such")
    pytest.importorskip("espeakng_loader", reason="needs espeakng-loader")
    result = run(folder, "--language", "germn", "--phones", "espeak")
    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr.startswith("error: eSpeak NG has no language 'germn'; near to it: ")
