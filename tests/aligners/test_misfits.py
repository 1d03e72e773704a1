"""Texts that do not fit their recordings: what is left out, said again, put in or rearranged."""

from dataclasses import replace

import numpy as np
import pytest

from speechalign.aligners.aligner import Aligner
from speechalign.aligners.misfits import find_readings, with_loud_pauses
from speechalign.aligners.sound_extent import run_lengths, steady_stretches
from speechalign.alignment import Interval
from speechalign.audio.sound_file import read_waveform
from speechalign.audio.waveform import Waveform
from speechalign.errors import AlignmentError, InputError
from speechalign.graphs import HmmUnit, hmm_graph
from speechalign.graphs.loop import loop_graph
from speechalign.graphs.misfits import OTHER, PASSED, PAUSE, Penalties, misfit_graph
from speechalign.kernels import viterbi
from speechalign.kernels.arc_list import grouped
from speechalign.kernels.lattice_beam import _follow, best_pieces
from speechalign.models import load_model
from speechalign.text.word import Word

RATE = 16000
FREE = Penalties(
    skip=-5.0,
    skip_more=-1.0,
    insertion=-5.0,
    jump=-10.0,
    filler=-2.0,
    sound=1.5,
    chance=12.0,
    edge=0.0,
    beam=100.0,
)
ALL = ("skips", "repeats", "insertions")


def unit(phone):
    """Return a phone of one state."""
    return HmmUnit((phone,), (-0.5,), (-0.9,))


def graph_of(*words):
    """Return the graph of words of one-state phones, with pauses of phone 0."""
    return hmm_graph([[[unit(p) for p in word]] for word in words], silence=unit(0))


def sound(*columns, labels=9):
    """Return emissions in which three frames each sound like a column, and the rest like none."""
    scores = np.full((3 * len(columns), labels + 2), -9.0)
    scores[np.arange(len(scores)), np.repeat(columns, 3)] = 0.0
    scores[:, labels:] = scores[:, :labels].max(axis=1, keepdims=True) - 1.5
    return scores


TEXT = graph_of((1, 2), (3, 4), (5, 6))


def departing(graph, allow, parts=(0, 1, 2), fillers=()):
    """Return the graph with ways off the text."""
    return misfit_graph(
        graph, parts, any_sound=9, edge=10, allow=allow, penalties=FREE, fillers=fillers
    )


@pytest.mark.parametrize(
    ("heard", "allow", "expected"),
    [
        ((0, 1, 2, 3, 4, 5, 6), ALL, [0, 1, 2]),
        ((1, 2, 0, 5, 6), ("skips",), [0, 2]),
        ((3, 4, 5, 6), ("skips",), [1, 2]),
        ((1, 2, 3, 4, 0), ("skips",), [0, 1]),
        ((1, 2, 8, 7, 8, 3, 4, 5, 6), ("insertions",), [0, "other", 1, 2]),
        ((8, 7, 8, 1, 2, 3, 4, 5, 6, 7, 7), ("insertions",), ["other", 0, 1, 2, "other"]),
        ((1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 6), ("repeats",), [0, 1, 0, 1, 2]),
        ((5, 5, 5, 5, 6, 6, 6, 6, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4), ALL, [2, 0, 1]),
        ((1, 2, 8, 7, 8, 5, 6), ("skips", "insertions"), [0, "other", 2]),
        ((1, 2, 7, 3, 4, 5, 6), ("fillers",), [0, "other", 1, 2]),
    ],
)
def test_what_is_read(heard, allow, expected):
    free = departing(TEXT, allow, fillers=[[7]])
    found = best_pieces(sound(*heard), free.graph, free.pieces, beam=100.0, hub=free.hub)
    assert [begin for _, begin, _ in found[1:]] == [end for _, _, end in found[:-1]]
    assert (found[0][1], found[-1][2]) == (0, 3 * len(heard))
    names = {OTHER: "other"}
    read = [
        names.get(piece, piece)
        for piece, begin, end in found
        if piece not in (PAUSE, PASSED) and (piece >= 0 or end - begin > 2)
    ]
    assert read == expected


def test_without_departures_it_is_the_search_over_all_paths():
    rng = np.random.default_rng(0)
    log_probs = rng.normal(size=(40, 10))
    free = departing(TEXT, ())
    found = best_pieces(log_probs, free.graph, free.pieces, beam=1e9)
    path = viterbi(log_probs, TEXT)
    spoken = TEXT.positions[path.arcs]
    words = [piece for piece, *_ in found if piece >= 0]
    assert words == [0, 1, 2]
    for piece, begin, end in found:
        if piece >= 0:
            assert set(spoken[begin:end]) == {2 * piece + 1}


def test_memory_does_not_grow_with_the_length():
    """Of more than 100,000 records, those that no path leads to are deleted on the way."""
    log_probs = np.random.default_rng(0).normal(size=(40_000, 11))
    free = departing(TEXT, ALL)
    graph = free.graph
    order, offsets = grouped(graph.sources, graph.num_states)
    *_, records = _follow(
        log_probs, offsets, graph.targets[order], graph.labels[order], graph.weights[order],
        graph.start, graph.final, free.pieces, free.hub, 1e9,
    )  # fmt: skip
    assert len(records) == 1 << 16
    pieces = free.pieces[graph.targets[viterbi(log_probs, graph).arcs]]
    changes = set((np.flatnonzero(np.diff(pieces)) + 1).tolist())
    found = best_pieces(log_probs, graph, free.pieces, beam=1e9, hub=free.hub)
    assert len(changes) > 1000
    assert changes <= {begin for _, begin, _ in found}


def test_a_narrow_beam_is_widened():
    free = departing(TEXT, ())
    heard = sound(1, 2, 8, 8, 8, 3, 4, 5, 6)
    wide = best_pieces(heard, free.graph, free.pieces, beam=1e6)
    assert best_pieces(heard, free.graph, free.pieces, beam=1.0)[-1][2] == wide[-1][2]
    with pytest.raises(AlignmentError, match="no path ends in a final state"):
        best_pieces(sound(1), free.graph, free.pieces, beam=1.0)


WORDS = ((1, 2), (3, 4), (5, 6), (1, 4))


def readings(*heard, parts=WORDS, owners=(0, 1, 2, 3), penalties=FREE):
    """Find what is read of words in parts; column 0 is a pause."""
    scores = sound(*heard)[:, :9]
    return find_readings(
        scores,
        scores.max(axis=1) - penalties.sound,
        scores[:, 0] == 0,
        graph_of(*parts),
        [
            graph_of(*(part for part, own in zip(parts, owners) if own == word))
            for word in sorted(set(owners))
        ],
        owners,
        allow=ALL,
        penalties=penalties,
    )


def test_a_word_of_two_parts_is_read_once():
    """It is neither left nor entered between them, and is no repetition of itself."""
    heard = (*(1, 2) * 2, 8, *(3, 4) * 2, *(5, 6) * 2)
    parts = ((1, 2) * 2, (3, 4) * 2, (5, 6) * 2)
    assert readings(*heard, parts=parts, owners=(0, 0, 2)) == [0, 2]
    assert readings(*heard, parts=parts, owners=(0, 1, 2)) == [0, 1, 2]


def test_the_text_is_left_in_a_pause():
    """Word 1 is heard better before other speech, but after it there is a pause around it."""
    parts = ((1, 2) * 3, (3,), (5, 6) * 3)
    heard = (*(1, 2) * 3, 0, 3, 3, *(7, 8) * 6, 0, 3, *(5, 6) * 3)
    for edge, place in ((0.0, 2), (12.0, 1)):
        found = readings(*heard, parts=parts, owners=(0, 1, 2), penalties=replace(FREE, edge=edge))
        assert found == [*range(place), None, *range(place, 3)]


def test_words_heard_by_chance_are_not_read():
    other = (7, 8) * 8
    three = (1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6)
    assert readings(*three, *other, 1, 4) == [0, 1, 2, None]
    assert readings(*three, *other, 1, 1, 1, 1, 4, 4, 4, 4) == [0, 1, 2, None, 3]


def test_nothing_is_read_where_nothing_is_heard():
    with pytest.raises(AlignmentError, match="nothing of the transcript is heard"):
        readings(*(7, 8) * 20)


def test_all_words_are_read_where_none_may_be_left_out(spoken, aligner):
    (one, _), (two, second) = spoken
    audio = np.concatenate([one, np.zeros(RATE, np.float32), two])
    found = Aligner(aligner.model, allow=["insertions"]).align(
        audio, f"Nobody ever mentioned it. {second}", sample_rate=RATE
    )
    assert [word.status for word in found] == ["aligned"] * len(found)
    assert found.words[4].start > len(one) / RATE


def test_a_loud_pause_is_not_in_the_text():
    """A word, two seconds of noise, a word, half a second of noise, and silence."""
    rng = np.random.default_rng(0)
    samples = np.zeros(8 * RATE, np.float32)
    for start, end in ((1, 1.5), (2, 4), (4.5, 5), (5.5, 6)):
        part = slice(int(start * RATE), int(end * RATE))
        samples[part] = 0.1 * rng.normal(size=part.stop - part.start)
    waveform = Waveform(samples, RATE, 1, None, RATE)
    words = [Word(str(t), (), span=Interval(t, t + 0.5, str(t))) for t in (1.0, 4.5)]
    (found,) = with_loud_pauses(words, [], waveform)
    assert (found.start, found.end) == pytest.approx((2, 4), abs=0.02)
    (longer,) = with_loud_pauses(words, [Interval(1.8, 3.0, "untranscribed")], waveform)
    assert (longer.start, longer.end) == pytest.approx((1.8, 4), abs=0.02)


def test_steady_stretches():
    assert run_lengths(np.array([3, 3, 5, 3])).tolist() == [2, 2, 1, 1]
    rate = 10.0  # so that a second is ten frames, and 0.3 s are three
    unlike = np.zeros(60, np.bool_)
    unlike[[2, 5, 8, 9, 11]] = True  # ten frames, half of them: like speech
    unlike[20:29] = True  # too short
    unlike[[*range(35, 40), *range(42, 48)]] = True
    expected = np.zeros(60, np.bool_)
    expected[35:48] = True
    assert (steady_stretches(unlike, rate) == expected).all()
    assert not steady_stretches(np.zeros(60, np.bool_), rate).any()


def test_units_in_any_order():
    units = [hmm_graph([[[unit(p)]]]) for p in range(3)]
    loop = loop_graph(units)
    heard = [2, 0, 0, 1, 2]
    arcs = viterbi(sound(*heard)[:, :3], loop)
    assert loop.positions[arcs.arcs].tolist() == np.repeat(heard, 3).tolist()
    one = viterbi(sound(1)[:, :3], units[1]).score
    assert viterbi(sound(1)[:, :3], loop).score == pytest.approx(one - np.log(3))
    two = viterbi(sound(1, 2)[:, :3], hmm_graph([[[unit(1), unit(2)]]])).score
    assert viterbi(sound(1, 2)[:, :3], loop).score == pytest.approx(two - 2 * np.log(3))


@pytest.fixture(scope="module")
def spoken(examples):
    """Return samples and texts of two recordings of one speaker."""
    found = []
    for path in sorted((examples / "slt").glob("*.flac")):
        waveform = read_waveform(path, sample_rate=RATE)
        found.append((waveform.samples, path.with_suffix(".lab").read_text().strip()))
    return found


def test_a_real_recording_of_another_text(spoken, aligner):
    """The audio is: the second text, the first one, the second one again."""
    (one, first), (two, second) = spoken
    free = Aligner(aligner.model, allow=ALL)
    found = free.align(np.concatenate([two, one, two]), f"{first} {second}", sample_rate=RATE)
    words = [word for word in found if word.status == "aligned"]
    assert [word.label for word in words] == f"{first} {second}".split()
    again = [word for word in found if word.status == "repeated"]
    assert [word.label for word in again] == second.split()
    count = len(first.split())
    assert words[0].start > len(two) / RATE - 0.1
    assert words[count].start < 1.0
    assert again[0].start > (len(two) + len(one)) / RATE - 0.1
    assert found.misfit_tier[-1].label == "repeated"
    assert [passage.kind for passage in found.misfits][-1] == "repeated"
    assert found.misfits[-1].text == second
    with pytest.raises(AlignmentError, match="nothing of the transcript is heard"):
        Aligner(aligner.model, allow=("skips",)).align(np.zeros(3 * RATE), first, sample_rate=RATE)


def test_a_repetition_that_noise_interrupts(spoken, aligner):
    (one, first), _ = spoken
    noise = 0.1 * np.random.default_rng(0).normal(size=2 * RATE)
    pause = int(2.55 * RATE)
    sound = np.concatenate([one, one[:pause], noise, one[pause:]])
    found = Aligner(aligner.model, allow=ALL).align(sound, first, sample_rate=RATE)
    assert [i.label for i in found.misfit_tier] == ["repeated", "untranscribed", "repeated"]
    assert [i.label for i in found.alignment.tiers["misfits"]] == [
        "repeated",
        "untranscribed",
        "repeated",
    ]
    again = [passage.text for passage in found.misfits if passage.kind == "repeated"]
    assert " ".join(again) == first


def test_noise_and_music_between_words(spoken, aligner):
    """Both are untranscribed to their edges, and words keep their times to 20 ms."""
    (one, first), (two, second) = spoken
    rng = np.random.default_rng(0)
    noise = 0.05 * rng.normal(size=3 * RATE)
    times = np.arange(RATE // 2) / RATE
    tones = [np.sin(2 * np.pi * f * times) * np.exp(-3 * times) for f in (220, 330, 262, 440) * 2]
    for sound in (noise, 0.2 * np.concatenate(tones)):
        samples = np.concatenate([one, sound, two])
        free = Aligner(aligner.model, allow=ALL)
        found = free.align(samples, f"{first} {second}", sample_rate=RATE)
        begin, end = len(one) / RATE, (len(one) + len(sound)) / RATE
        (extra,) = found.untranscribed
        assert (extra.start, extra.end) == pytest.approx((begin, end), abs=0.35)
        plain = [*aligner.align(one, first, sample_rate=RATE)]
        late = [*aligner.align(two, second, sample_rate=RATE)]
        assert len(found) == len(plain) + len(late)
        near = [abs(w.start - p.start) < 0.02 for w, p in zip(found, plain)]
        near += [
            abs(w.start - end - p.start) < 0.02 for w, p in zip(found.words[len(plain) :], late)
        ]
        assert np.mean(near) > 0.9


def test_a_ctc_model_finds_the_same(spoken):
    """The audio is: the second text, the first one, the second one again."""
    (one, first), (two, second) = spoken
    pytest.importorskip("torch", reason="needs torch")
    model = load_model("english-ctc-small")
    free = Aligner(model, allow=ALL)
    samples = np.concatenate([two, one, two])
    found = free.align(samples, f"{first} {second} We never say this at all.", sample_rate=RATE)
    assert found.search.method == "beam"
    assert not found.search.certified
    count = len(first.split())
    firsts = [word for word in found if word.status != "repeated"]
    assert [word.status for word in firsts[-6:]] == ["skipped"] * 6
    assert firsts[0].start > len(two) / RATE - 0.2
    again = [word for word in found if word.status == "repeated"]
    assert 0.7 * len(second.split()) <= len(again) <= len(second.split())
    plain = Aligner(model).align(two, second, sample_rate=RATE)
    times = {word.label: (word.start, word.end) for word in firsts[count:-6] if word.span}
    assert len(times) >= 0.8 * len(plain)
    for word in plain:
        if word.label in times:
            assert times[word.label] == pytest.approx((word.start, word.end), abs=0.1)


def test_a_passage_that_is_not_said(spoken, aligner):
    (one, first), (_, second), *_ = spoken
    found = Aligner(aligner.model, allow=("skips",)).align(
        one, f"{first} {second}", sample_rate=RATE
    )
    plain = aligner.align(one, first, sample_rate=RATE)
    count = len(first.split())
    assert [word.status for word in found] == ["aligned"] * count + ["skipped"] * (
        len(found) - count
    )
    assert [(w.start, w.end) for w in found.said] == [(w.start, w.end) for w in plain]


def test_what_may_differ_is_checked(aligner):
    with pytest.raises(InputError, match="allow: expected some of skips, repeats"):
        Aligner(aligner.model, allow=["leaps"])
    with pytest.raises(InputError, match="allow: expected a collection of names"):
        Aligner(aligner.model, allow="skips")
    settings = Aligner(aligner.model, allow=["insertions", "skips"]).settings()
    assert settings["what text and audio may differ in"] == "skips, insertions"
