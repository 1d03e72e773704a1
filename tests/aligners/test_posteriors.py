"""What the posteriors say: ways through a graph, phones, boundaries; by enumeration and for all."""

import itertools
import math
from dataclasses import replace
from functools import partial

import numpy as np
import oracles
import pytest
from small_neural_hmm import articulatory_hmm, noise
from sounding_model import SoundingModel

from speechalign import Aligner
from speechalign.aligners import ctc_evidence, phone_evidence, posteriors
from speechalign.aligners.phone_evidence import PhoneJudge
from speechalign.aligners.posteriors import POSTERIORS, way_posteriors
from speechalign.audio.sound_file import read_waveform
from speechalign.audio.waveform import Waveform
from speechalign.errors import InputError
from speechalign.files.textgrid import read_textgrid
from speechalign.formats import read_alignment, write_alignment
from speechalign.graphs import HmmUnit, hmm_graph
from speechalign.graphs.ctc_variants import ctc_variant_graph
from speechalign.models import load_model
from speechalign.models.protocols import PhoneSpan

LETTERS = [*"abcdefghij", "|", "_"]
KINDS = ("english-sphinx", "english-gmm", "english", "english-ctc-small", "letters")


def units(*labels):
    return [HmmUnit((label,), (math.log(0.6),), (math.log(0.4),)) for label in labels]


GRAPHS = {
    "hmm": hmm_graph(
        [[units(0, 1), units(2)], [units(1), units(1, 2), units(0)]],
        variant_weights=[[-0.3, -0.7], [0.0, -1.0, -0.5]],
        silence=units(3)[0],
    ),
    "ctc": ctc_variant_graph([[[0, 1], [2]], [[1], [1, 2], [0]]], blank=3),
}


@pytest.mark.parametrize("kind", GRAPHS)
def test_ways_are_as_probable_as_the_enumerated_paths(kind):
    graph = GRAPHS[kind]
    log_probs = np.random.default_rng(1).normal(size=(6, 4))
    place = np.full(graph.num_states, -1)
    place[graph.targets] = graph.positions
    enters = (graph.positions % 2 == 1) & (place[graph.sources] != graph.positions)
    totals, everything = {}, 0.0
    for path in oracles.paths(log_probs, graph):
        weight = math.exp(path.score)
        everything += weight
        for state in set(graph.targets[[arc for arc in path.arcs if enters[arc]]].tolist()):
            totals[state] = totals.get(state, 0.0) + weight
    expected = [totals[state] / everything for state in sorted(totals)]
    found = way_posteriors(log_probs, graph)
    assert [len(item) for item in found] == [2, 3]
    np.testing.assert_allclose(np.concatenate(found), expected, atol=1e-9)
    np.testing.assert_allclose([item.sum() for item in found], 1.0, atol=1e-9)


@pytest.mark.parametrize("name", ["english-sphinx", "english-gmm"])
def test_phones_are_judged_as_the_enumerated_state_sequences_say(name):
    model = load_model(name)
    frames = 5
    log_probs = np.random.default_rng(2).normal(size=(12, len(model.vocabulary))).astype(np.float32)
    names = ["K", "AE", "T"]
    spans = [PhoneSpan(phone, 1, 3 + n, 4 + n) for n, phone in enumerate(names)]
    spans[1] = replace(spans[1], begin=4, end=4 + frames)
    rivals = [p for p in model.phones if p not in (model.silence, model.noise)]

    def likelihood(phone, scale):
        unit = model.unit(phone, left="K", right="T")
        total = 0.0
        for cuts in itertools.combinations(range(1, frames), 2):
            states = np.repeat([0, 1, 2], np.diff([0, *cuts, frames]))
            own = log_probs[np.arange(4, 4 + frames), np.array(unit.labels)[states]]
            score = scale * float(own.sum()) + unit.leave[2]
            for before, after in itertools.pairwise(states.tolist()):
                score += unit.stay[before] if before == after else unit.leave[before]
            total += math.exp(score)
        return total

    (judged,) = PhoneJudge(model).judge(log_probs, spans[1:2])
    alone = judged
    beside = [replace(spans[0], begin=1, end=4), spans[1], replace(spans[2], begin=9, end=12)]
    judged = PhoneJudge(model).judge(log_probs, beside)[1]
    plain = {phone: likelihood(phone, 1.0) for phone in rivals}
    scaled = {phone: likelihood(phone, model.acoustic_scale) for phone in rivals}
    goodness = (math.log(plain["AE"]) - math.log(max(plain.values()))) / frames
    assert judged.goodness == pytest.approx(goodness, abs=1e-5)
    assert judged.posterior == pytest.approx(scaled["AE"] / sum(scaled.values()), rel=1e-4)
    assert (alone == judged) is not model.depends_on_neighbours


@pytest.fixture(scope="module")
def heard(examples):
    sound = next(iter(sorted(examples.rglob("*.flac"))))
    return read_waveform(sound, sample_rate=16000), sound.with_suffix(".lab").read_text("utf-8")


def spoken(kind, heard):
    """Return a model, and speech for it."""
    if kind == "english-ctc-small":
        pytest.importorskip("torch", reason="needs torch")
    if kind != "letters":
        return load_model(kind), *heard
    model = SoundingModel(LETTERS)
    sounds = ("", 0.3), ("a", 0.1), ("b", 0.2), ("|", 0.06), ("c", 0.1), ("", 0.4), ("d", 0.3)
    return model, model.speak(*sounds), "Ab, c D!"


@pytest.mark.parametrize("kind", KINDS)
def test_every_model_with_posteriors_gives_them_and_the_same_times(kind, heard):
    model, waveform, text = spoken(kind, heard)
    plain = Aligner(model).align(waveform, text)
    result = Aligner(model, posteriors=POSTERIORS).align(waveform, text)
    parts = [part for word in result.words for part in word.parts]
    bare = [
        replace(part, confidence=None, goodness=None, start_margins=None, end_margins=None)
        for part in parts
    ]
    assert bare == [part for word in plain.words for part in word.parts]
    known = 0
    for part in parts:
        assert 0 <= part.confidence <= 1
        assert part.goodness <= 0
        for time, half, most in (
            (part.start, part.start_50, part.start_90),
            (part.end, part.end_50, part.end_90),
        ):
            known += half is not None
            if half is not None:
                assert most[0] <= half[0] <= time <= half[1] <= most[1]
                assert most[1] - most[0] < 0.5
    assert known >= 2 * len(parts) - 2
    for word in result.words:
        assert (word.span.start_90, word.span.end_90) == (
            word.parts[0].start_90,
            word.parts[-1].end_90,
        )
        for ways in word.pronunciations:
            values = [posterior for _, posterior in ways]
            assert values == sorted(values, reverse=True)
            assert sum(values) == pytest.approx(1, abs=1e-6)
    assert len(result.words[0].pronunciations) == 1


def test_intervals_are_moved_with_boundaries(aligner, heard):
    fixed = Aligner(aligner.model, posteriors=["intervals"]).align(*heard)
    moved = fixed.shifted(0.02)
    before, after = (r.words[2].phones[1] for r in (fixed, moved))
    assert after.start_90 == pytest.approx([t + 0.02 for t in before.start_90])
    closed = fixed.without_short_pauses(0.5)
    for before, after in zip(fixed.words, closed.words):
        low, high = before.span.end_90
        assert after.span.end_90 == pytest.approx([min(low, after.end), max(high, after.end)])


def test_pronunciations_in_windows_are_those_of_the_whole(aligner, heard, monkeypatch):
    wanted = Aligner(aligner.model, posteriors=["n-best"])
    whole = wanted.align(*heard)
    narrow = partial(posteriors.windows, size=2)
    monkeypatch.setattr(phone_evidence, "windows", narrow)
    for one, other in zip(whole.words, wanted.align(*heard).words):
        assert [p for p, _ in one.pronunciations[0]] == [p for p, _ in other.pronunciations[0]]
        values = [[v for _, v in word.pronunciations[0]] for word in (one, other)]
        assert values[0] == pytest.approx(values[1], abs=1e-3)


def test_labels_in_windows_have_the_boundaries_of_the_whole(monkeypatch):
    model, waveform, text = spoken("letters", None)
    wanted = Aligner(model, posteriors=["intervals"])
    whole = wanted.align(waveform, text)
    monkeypatch.setattr(ctc_evidence, "_WINDOW", 1)
    for one, other in zip(whole.words, wanted.align(waveform, text).words):
        for a, b in zip(one.parts, other.parts):
            assert a.end_90 == pytest.approx(b.end_90, abs=1e-3)
            assert a.start_50 == pytest.approx(b.start_50, abs=1e-3)


def test_words_that_are_not_said_have_no_posteriors_and_others_keep_theirs(aligner, heard):
    waveform, text = heard
    plain = Aligner(aligner.model, posteriors=POSTERIORS).align(waveform, text)
    longer = f"{text} Nobody says these words there, and nobody hears them."
    allowing = Aligner(aligner.model, posteriors=POSTERIORS, allow=["skips"])
    found = allowing.align(waveform, longer).words
    count = len(plain.words)
    assert {word.status for word in found[count:]} == {"skipped"}
    assert not any(word.pronunciations or word.parts for word in found[count:])
    for before, after in zip(plain.words[:-1], found[: count - 1]):
        assert after.span.end_90 == pytest.approx(before.span.end_90, abs=0.002)


def test_a_model_of_any_phone_has_all_posteriors(tmp_path):
    model = articulatory_hmm()
    waveform = Waveform(noise(24000), 16000, 1, None, 16000)
    result = Aligner(model, posteriors=POSTERIORS).align(waveform, "t͡ʃaː ŋi")
    plain = Aligner(model).align(waveform, "t͡ʃaː ŋi")
    assert [(w.start, w.end) for w in result] == [(w.start, w.end) for w in plain]
    for word in result.words:
        assert [len(ways) for ways in word.pronunciations] == [1]
        for phone in word.phones:
            assert 0 <= phone.confidence <= 1
            assert phone.goodness <= 0
    inner = result.words[0].phones[0]
    assert inner.end_90[0] <= inner.end_50[0] <= inner.end <= inner.end_50[1] <= inner.end_90[1]
    result.save(tmp_path / "a.TextGrid")
    assert '"phones goodness"' in (tmp_path / "a.TextGrid").read_text("utf-8")


def test_a_wrong_phone_is_doubted(aligner, heard, tmp_path):
    (tmp_path / "own.dict").write_text("river\tR IH S ER\n")
    right = Aligner(aligner.model, posteriors=["phone-confidence"]).align(*heard)
    wrong = Aligner(
        aligner.model, posteriors=["phone-confidence"], dictionary=tmp_path / "own.dict"
    ).align(*heard)
    at = next(n for n, word in enumerate(right.words) if word.spoken == ("river",))
    one, other = (r.words[at].phones[2] for r in (right, wrong))
    assert (one.label, other.label) == ("V", "S")
    assert one.confidence > 0.5 > other.confidence
    assert one.goodness > other.goodness


def test_files_hold_what_is_known(aligner, heard, tmp_path):
    result = Aligner(aligner.model, posteriors=POSTERIORS).align(*heard)
    result.save(tmp_path / "a.json")
    back = read_alignment(tmp_path / "a.json")
    for own, read in zip(result.alignment.tiers["phones"], back.tiers["phones"]):
        assert (read.confidence, read.goodness) == (own.confidence, own.goodness)
        assert read.start_90 == pytest.approx(own.start_90)
        assert read.end_50 == pytest.approx(own.end_50)
    assert "pronunciations" in back.tiers
    result.save(tmp_path / "a.csv")
    head, first, *_ = (tmp_path / "a.csv").read_text("utf-8").splitlines()
    row = dict(zip(head.split(","), first.split(",")))
    word = result.words[0].span
    assert (float(row["Begin90Low"]), float(row["End50High"])) == (word.start_90[0], word.end_50[1])
    for name in ("textgrid", "textgrid-short"):
        write_alignment(result.alignment, tmp_path / "a.TextGrid", format=name)
        text = (tmp_path / "a.TextGrid").read_text("utf-8")
        assert "TextTier" in text
        assert "phones boundaries" in text
        assert len(read_textgrid(tmp_path / "a.TextGrid").tiers) == 3  # point tiers are passed over


def test_names_and_models_that_have_none(aligner):
    with pytest.raises(InputError, match=r"expected some of intervals, .* got 'interval'"):
        Aligner(aligner.model, posteriors=["interval"])
    with pytest.raises(InputError, match=r"posteriors: expected a collection of names"):
        Aligner(aligner.model, posteriors="intervals")
    model = SoundingModel(LETTERS)
    model.aligner = "attention"
    with pytest.raises(InputError, match=r"by attention, .* use a model of phones or a CTC model"):
        Aligner(model, posteriors=["n-best"])
