"""Models of any phone of IPA: ways to pronounce, scores by attributes, and bad input."""

import numpy as np
import pytest
from small_neural_hmm import articulatory_hmm, noise

from speechalign.aligners.aligner import Aligner
from speechalign.audio.waveform import Waveform
from speechalign.errors import AlignmentError, FormatError, InputError
from speechalign.models.neural_hmm.folder import load, save
from speechalign.text.articulation import ATTRIBUTES, COLUMNS, articulation, modifiers, segments

RATE = 16000


def sound(seconds=1.5):
    return Waveform(noise(round(seconds * RATE)), RATE, 1, None, RATE)


def labels(result):
    return [[phone.label for phone in word.phones] for word in result.words]


@pytest.fixture(scope="module")
def model():
    return articulatory_hmm()


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "letters.tsv"
    path.write_text("a\ta\nch\tt͡ʃ\n", "utf-8")
    return path


def test_transcripts_in_ipa_are_the_default(model):
    result = Aligner(model).align(sound(), "ˈt͡ʃaː.nʲə ɢi")
    assert [word.label for word in result.words] == ["ˈt͡ʃaː.nʲə", "ɢi"]
    assert labels(result) == [["ˈt͡ʃ", "aː", "nʲ", "ə"], ["ɢ", "i"]]


def test_x_sampa_gives_the_times_of_the_same_ipa(model):
    ipa = Aligner(model).align(sound(), "ʃaː ŋi")
    xsampa = Aligner(model, phones="xsampa").align(sound(), "Sa: Ni")
    assert labels(xsampa) == labels(ipa)
    assert [word.start for word in xsampa.words] == [word.start for word in ipa.words]


def test_a_table_of_letters(model, table):
    aligner = Aligner(model, phones=str(table))
    assert labels(aligner.align(sound(), "chacha")) == [["t͡ʃ", "a", "t͡ʃ", "a"]]
    with pytest.raises(InputError, match=r"word 'bacha': the letter 'b' is not in .*add a line"):
        aligner.align(sound(), "bacha")


def test_a_dictionary_in_ipa(model, tmp_path):
    (tmp_path / "own.dict").write_text("tea\tt iː\n", "utf-8")
    aligner = Aligner(model, dictionary=tmp_path / "own.dict")
    assert labels(aligner.align(sound(), "tea")) == [["t", "iː"]]


def test_espeak_pronounces_orthography(model):
    pytest.importorskip("espeakng_loader", reason="needs espeakng-loader")
    result = Aligner(model, language="sw").align(sound(), "Habari gani?")
    assert [word.label for word in result.words] == ["Habari", "gani?"]
    for phone in (phone for word in labels(result) for phone in word):
        articulation(phone)


def test_every_way_to_pronounce_is_part_of_the_settings(model, table):
    ways = [Aligner(model), Aligner(model, phones="xsampa"), Aligner(model, phones=str(table))]
    found = [str(aligner.settings()) for aligner in ways]
    assert len(set(found)) == 3
    table.write_text("a\tɑ\nch\tt͡ʃ\n", "utf-8")
    assert str(Aligner(model, phones=str(table)).settings()) != found[2]
    assert Aligner(model, phones="ipa").settings() == Aligner(model).settings()


def test_scores_are_sums_of_attributes_as_the_docstring_says(model):
    made = model.with_phones(["t", "a͡ɪ"])
    outputs = np.random.default_rng(1).normal(size=(4, len(COLUMNS))).astype(np.float32)
    scores = made.state_scores(outputs)
    columns = {column: number for number, column in enumerate(COLUMNS)}
    first = 3 * made.phones.index("t")
    target = articulation("t").targets[0]
    for frame in range(4):
        expected = 0.0
        for name, values in ATTRIBUTES.items():
            p = np.exp([float(outputs[frame, columns[name, value]]) / 1.5 for value in values])
            prior = np.exp([model.log_priors[columns[name, value]] for value in values])
            allowed = [value in target[name] or name == "palatalised" for value in values]
            expected += np.log((p / p.sum())[allowed].sum())
            expected -= np.log((prior / prior.sum())[allowed].sum())
        assert scores[frame, first] == pytest.approx(expected, abs=1e-4)
    assert (scores[:, first] == scores[:, first + 2]).all()
    glide = 3 * made.phones.index("a͡ɪ")
    assert (scores[:, glide] != scores[:, glide + 2]).any()


def test_every_letter_and_every_mark_can_be_scored(model):
    phones = {*segments(), *(letter + mark for letter in "kna" for mark in modifiers())}
    own = model.with_phones(phones)
    assert set(own.phones) >= phones
    assert np.isfinite(own.state_scores(own.log_posteriors(noise(RATE)))).all()
    assert ((own.stay > 0) & (own.stay < 1)).all()


def test_a_mark_of_palatalisation_counts_and_its_absence_does_not(model):
    made = model.with_phones(["n", "nʲ"])
    outputs = np.zeros((1, len(COLUMNS)), np.float32)
    outputs[0, COLUMNS.index(("palatalised", "yes"))] = 4.0
    soft, plain = (made.state_scores(outputs)[0, 3 * made.phones.index(p)] for p in ("nʲ", "n"))
    outputs[0, COLUMNS.index(("palatalised", "no"))] = 8.0
    hard = made.state_scores(outputs)[0, 3 * made.phones.index("n")]
    assert hard == pytest.approx(plain, abs=1e-5)
    assert made.state_scores(outputs)[0, 3 * made.phones.index("nʲ")] < plain < soft


def test_a_long_phone_is_expected_to_last_longer(model):
    made = model.with_phones(["a", "aː"])
    stay = {phone: made.stay[made.phones.index(phone)] for phone in ("a", "aː")}
    assert (stay["aː"] > stay["a"]).all()


def test_attributes_are_distributions(model):
    found = model.attributes(noise(RATE))
    assert found.keys() == ATTRIBUTES.keys()
    for name, shares in found.items():
        assert shares.shape == (100, len(ATTRIBUTES[name]))
        assert shares.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_a_folder_holds_the_model(model, tmp_path):
    save(model, tmp_path / "m", texts={})
    loaded = load(tmp_path / "m")
    text = "pʼa ǃu"
    assert labels(Aligner(loaded).align(sound(), text)) == [["pʼ", "a"], ["ǃ", "u"]]
    assert (loaded.durations, loaded.temperature) == (model.durations, model.temperature)
    assert loaded.content_hash != articulatory_hmm(temperature=1.0).content_hash


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Hello world", r"'Hello': 'H' \(LATIN CAPITAL LETTER H\) is not a symbol of the IPA; use"),
        ("tа na", r"'tа': 'а' \(CYRILLIC SMALL LETTER A\)"),
        ("ta55 na", r"'ta55': '5' \(DIGIT FIVE\)"),
        ("ˈ", "expected a letter of the IPA"),
        ("", "expected at least one word"),
        ("ta ː na", "word 'ː': expected a letter of the IPA, found none; join marks to the word"),
    ],
)
def test_transcripts_that_are_not_ipa(model, text, message):
    with pytest.raises(InputError, match=message):
        Aligner(model).align(sound(), text)


def test_tone_letters_are_kept_in_labels_and_not_heard(model):
    toned = Aligner(model).align(sound(), "ma˥ na˧˩")
    plain = Aligner(model).align(sound(), "ma na")
    assert labels(toned) == [["m", "a˥"], ["n", "a˧˩"]]
    assert [word.end for word in toned.words] == [word.end for word in plain.words]


def test_one_phone_and_a_recording_that_is_too_short(model):
    assert labels(Aligner(model).align(sound(), "a")) == [["a"]]
    with pytest.raises(AlignmentError):
        Aligner(model).align(sound(0.1), "tamaniku")


def test_phones_and_languages_that_do_not_fit(model, aligner):
    with pytest.raises(InputError, match="phones: english-sphinx has phones of its own"):
        Aligner(aligner.model, phones="ipa")
    with pytest.raises(InputError, match="language: expected a code such as 'sw'"):
        Aligner(model, phones="espeak")


def test_sources_that_cannot_be_read_are_refused_before_any_recording(model, tmp_path):
    with pytest.raises(InputError, match=r"none\.tsv.*or a table of letters \(\.tsv\)"):
        Aligner(model, phones=str(tmp_path / "none.tsv"))
    (tmp_path / "letters.tsv").write_text("a\ta\nch\ttS\n", "utf-8")
    with pytest.raises(
        FormatError, match=r"letters\.tsv:2: 'tS': 'S' .* is not a symbol of the IPA"
    ):
        Aligner(model, phones=str(tmp_path / "letters.tsv"))
    (tmp_path / "own.dict").write_text("um spn\ntea t iː\ncup K AH P\n", "utf-8")
    with pytest.raises(
        FormatError, match=r"own\.dict: 'cup': 'K': 'K' .* is not a symbol of the IPA"
    ):
        Aligner(model, dictionary=tmp_path / "own.dict")


def test_a_language_that_espeak_lacks_is_refused_before_any_recording(model):
    pytest.importorskip("espeakng_loader", reason="needs espeak")
    with pytest.raises(InputError, match="eSpeak NG has no language 'xx'"):
        Aligner(model, language="xx")
