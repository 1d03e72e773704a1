"""Gold word alignment as speech: a corpus of two sentences in every layout that is promised."""

import hashlib
import importlib
import json
import shutil
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from speechalign import Interval, read_alignment
from speechalign.audio.sound_file import read_waveform
from speechalign.corpus import read_corpus
from speechalign.errors import InputError
from speechalign.links import Links, read_links, read_parallel, timed_words

pytest.importorskip("espeakng_loader", reason="needs espeakng-loader")

_PAIRS = [
    (["das", "ist", "das", "Haus", "."], ["that", "'s", "the", "house", "!"]),
    (["„", "nein", "“", ",", "rief", "er"], ["no", ",", "he", "cried"]),
    (["der", "Hund"], ["the", "dog"]),
]
_GOLD = [
    Links([(0, 0), (1, 1), (2, 2), (3, 3)], [(4, 4)]),
    Links([(1, 0), (4, 3), (5, 2)]),
    Links([], [(1, 1)]),
]


@pytest.fixture(scope="module")
def recipe():
    return importlib.import_module("recipes.corpora.speech_gold_alignment")


@pytest.fixture(scope="module")
def sentences(recipe):
    return sys.modules[recipe.Side.__module__]


@pytest.fixture(scope="module")
def sides(recipe):
    return {
        "source": recipe.Side("de", ("de", "de+f2", "de+m3")),
        "target": recipe.Side("en-us", ("en-us", "en-us+f3")),
    }


@pytest.fixture(scope="module")
def corpus(recipe, sides, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gold") / "corpus"
    recipe.prepare(_GOLD, _PAIRS, folder, **sides)
    return folder


def _tree(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_links_and_sentences_are_those_of_the_gold_set(corpus):
    assert list(read_links(corpus / "gold.talp").sentences.values()) == _GOLD
    assert read_parallel(corpus / "sentences.txt") == _PAIRS
    assert (corpus / ".done").exists()


@pytest.mark.parametrize(("side", "language"), [(0, "de"), (1, "en-us")])
def test_words_are_where_they_sound(corpus, side, language):
    for number, pair in enumerate(_PAIRS):
        alignment = read_alignment(corpus / language / "textgrids" / f"{number:03d}.TextGrid")
        words = timed_words(alignment, pair[side])
        assert [word.label for word in words] == pair[side]
        silent = [word.label for word in words if word.start is None]
        assert silent == [label for label in pair[side] if label in "„“.,!"]
        (sound,) = (corpus / language / "wavs" / f"{number:03d}").glob("*.wav")
        waveform = read_waveform(sound)
        assert waveform.sample_rate == 16_000
        assert waveform.duration == pytest.approx(alignment.duration, abs=1e-9)
        energy = np.abs(waveform.samples)
        for word in words:
            if word.start is not None:
                assert energy[round(word.start * 16_000) : round(word.end * 16_000)].max() > 0.02


def test_tokens_said_as_one_share_their_time(corpus):
    that, clitic, the, *_ = timed_words(
        read_alignment(corpus / "en-us" / "textgrids" / "000.TextGrid"), _PAIRS[0][1]
    )
    assert (that.start, that.end) == (clitic.start, clitic.end)
    assert the.start >= that.end


def test_speechalign_json(corpus):
    times = json.loads((corpus / "en-us" / "words.json").read_text(encoding="utf-8"))
    assert list(times) == ["000", "001", "002"]
    ((voice, words),) = times["001"].items()
    assert voice in ("en-us", "en-us+f3")
    assert [word[0] for word in words] == _PAIRS[1][1]
    assert words[1] == [",", None, None]
    assert 0 <= words[0][1] < words[0][2] <= words[2][1] < words[3][2]


def test_transcripts_can_be_aligned(corpus):
    utterances = read_corpus(corpus / "en-us" / "wavs")
    assert [u.text for u in utterances] == ["that's the house", "no he cried", "the dog"]


def test_the_cuts_are_what_lhotse_reads(corpus, monkeypatch):
    lhotse = pytest.importorskip("lhotse", reason="needs lhotse")
    monkeypatch.chdir(corpus / "de")
    cuts = lhotse.load_manifest("cuts.jsonl")
    cut = cuts[1]
    assert cut.load_audio().shape == (1, cut.num_samples)
    (supervision,) = cut.supervisions
    assert supervision.text == "„ nein “ , rief er"
    assert [item.symbol for item in supervision.alignment["word"]] == ["nein", "rief", "er"]
    assert supervision.custom["translation"] == "no , he cried"
    assert supervision.custom["sure"] == [[1, 0], [4, 3], [5, 2]]
    assert read_corpus(corpus / "de" / "cuts.jsonl")[1].text == supervision.text


def test_links_of_the_target_side_are_turned_round(corpus):
    lines = (corpus / "en-us" / "cuts.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[1])["supervisions"][0]["custom"]["sure"] == [[0, 1], [2, 5], [3, 4]]


def test_a_killed_run_goes_on_to_the_same_bytes(
    recipe, sentences, sides, corpus, tmp_path, monkeypatch
):
    calls = []

    def failing(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return original(*arguments, **options)

    original = sentences.speak
    with monkeypatch.context() as patch:
        patch.setattr(sentences, "speak", failing)
        with pytest.raises(KeyboardInterrupt):
            recipe.prepare(_GOLD, _PAIRS, tmp_path / "corpus", **sides)
    assert not (tmp_path / "corpus" / ".done").exists()
    kept = {k: v for k, v in _tree(tmp_path / "corpus").items() if k.endswith(".wav")}
    assert len(kept) == 4
    recipe.prepare(_GOLD, _PAIRS, tmp_path / "corpus", **sides)
    assert _tree(tmp_path / "corpus") == _tree(corpus)


def test_a_finished_corpus_is_left_alone(recipe, sentences, sides, corpus, monkeypatch):
    monkeypatch.setattr(sentences, "speak", None)
    before = _tree(corpus)
    recipe.prepare(_GOLD, _PAIRS, corpus, **sides)
    assert _tree(corpus) == before


def test_other_arguments_are_refused(recipe, sides, corpus):
    with pytest.raises(InputError, match="corpus of other arguments"):
        recipe.prepare(_GOLD[:2], _PAIRS[:2], corpus, **sides)


def test_the_voice_of_a_sentence_depends_on_its_name_only(recipe):
    side = recipe.Side("en-us", ("a", "b", "c"))
    voices = [side.voice(f"{n:03d}") for n in range(60)]
    assert set(voices) == {"a", "b", "c"}
    assert voices == [recipe.Side("en-us", ("a", "b", "c")).voice(f"{n:03d}") for n in range(60)]


def test_recordings_in_place_of_a_voice(recipe, sides, corpus, tmp_path):
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    for number in range(3):
        (sound,) = (corpus / "de" / "wavs" / f"{number:03d}").glob("*.wav")
        shutil.copy(sound, recordings / f"{number:03d}.wav")
        shutil.copy(corpus / "de" / "textgrids" / f"{number:03d}.TextGrid", recordings)
    source = recipe.Side("de", recordings=recordings)
    recipe.prepare(_GOLD, _PAIRS, tmp_path / "corpus", source=source, target=sides["target"])
    for folder in ("textgrids", "wavs"):
        ours = _tree(tmp_path / "corpus" / "de" / folder)
        assert sorted(ours.values()) == sorted(_tree(corpus / "de" / folder).values())
    (recordings / "002.TextGrid").unlink()
    with pytest.raises(InputError, match=r"de, sentence 002: .*speechalign align writes it"):
        recipe.prepare(_GOLD, _PAIRS, tmp_path / "again", source=source, target=sides["target"])


@pytest.mark.parametrize(
    ("gold", "pairs", "message"),
    [
        (_GOLD[:1], _PAIRS, "one line of links for each sentence pair, got 1 and 3"),
        ([Links([(2, 0)])], [(["a", "b"], ["c"])], "sentence 1: link 2-0 .* out of range"),
        ([Links([])], [(["a"], [".", "!"])], r"sentence 1: '\. !' has no word"),
    ],
)
def test_what_does_not_fit_together(recipe, sides, tmp_path, gold, pairs, message):
    with pytest.raises(InputError, match=message):
        recipe.prepare(gold, pairs, tmp_path / "corpus", **sides)
    assert not (tmp_path / "corpus").exists()


def test_the_same_language_twice(recipe, sides, tmp_path):
    with pytest.raises(InputError, match="expected two languages, got 'de' twice"):
        recipe.prepare(_GOLD, _PAIRS, tmp_path, source=sides["source"], target=sides["source"])


def test_a_word_of_which_nothing_is_said_joins_the_one_before(sentences):
    spoken = [Interval(0.0, 0.5, "b"), Interval(0.5, 1.0, "d")]
    labels = ["a", "b", "c", "d", "e"]
    found = sentences._labelled(spoken, sentences._said(spoken, labels), labels)
    assert [(i.label, i.start) for i in found] == [("a b c", 0.0), ("d e", 0.5)]


def test_elided_words_are_said_together(sentences):
    tokens = ["aujourd'", "hui", "il", "l'", "a", "vu", ",", "l'", "'", "an"]
    assert sentences.units(tokens, "fr") == [[0, 1], [2], [3, 4], [5], [7], [9]]
    assert sentences.units(["the", "dogs'", "house"], "en-us") == [[0], [1], [2]]


def test_the_program_reads_other_formats_and_exchanges_the_sides(recipe, tmp_path):
    (tmp_path / "gold").write_text("SENT: 0\nS 0 0\nP 1 1\n\nSENT: 1\nS 0 1\n", encoding="utf-8")
    (tmp_path / "de").write_text("der Hund\nja\n", encoding="utf-8")
    (tmp_path / "en").write_text("the dog\noh yes\n", encoding="utf-8")
    arguments = [tmp_path / "out", "--gold", tmp_path / "gold", "--limit", 1, "--swap"]
    arguments += ["--source-sentences", tmp_path / "de", "--target-sentences", tmp_path / "en"]
    arguments += ["--source-language", "en-us", "--target-language", "de"]
    result = CliRunner().invoke(recipe.main, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0
    assert (tmp_path / "out" / "sentences.txt").read_text() == "the dog ||| der Hund\n"
    assert (tmp_path / "out" / "gold.talp").read_text() == "1-1 2p2\n"
    assert len(list((tmp_path / "out" / "en-us" / "wavs").rglob("*.wav"))) == 1


def test_the_program_wants_sentences(recipe, tmp_path):
    (tmp_path / "gold").write_text("1-1\n", encoding="utf-8")
    arguments = [tmp_path / "out", "--gold", tmp_path / "gold", "--source-language", "de"]
    arguments += ["--target-language", "en-us"]
    result = CliRunner().invoke(recipe.main, list(map(str, arguments)))
    assert result.exit_code == 2
    assert "give --sentences" in result.output


def test_a_gold_set_of_the_shared_tasks(recipe, shared, tmp_path):
    folder = shared / "data" / "word-alignment"
    arguments = [tmp_path / "out", "--gold", folder / "enfr.gold", "--limit", 8]
    arguments += ["--sentences", folder / "enfr.src-tgt"]
    arguments += ["--source-language", "en-us", "--target-language", "fr"]
    result = CliRunner().invoke(recipe.main, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0
    assert "words counted from 1" in result.output
