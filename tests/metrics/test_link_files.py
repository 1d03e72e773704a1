"""score_links: files of links scored from Python as pairs in memory are."""

import json
from itertools import pairwise

import pytest

from speechalign import Alignment, Interval, write_alignment
from speechalign.errors import InputError, SpeechAlignWarning
from speechalign.links import Links, WeightedLinks, read_links
from speechalign.metrics import score, score_links

GOLD = [Links([(0, 0), (0, 4), (1, 2), (2, 3), (3, 1)]), Links([(0, 0)], [(1, 1)])]
HYP = [Links([(0, 0), (3, 1), (1, 2), (3, 3), (2, 4)]), Links([(0, 0), (1, 1)])]
SECONDS = [[1.0, 2.0, 3.0, 4.0], [0.5, 1.5, 1.0, 1.0]]


@pytest.fixture
def files(tmp_path):
    """Write the links of two sentences, and the times of their source words."""
    for name, sentences in (("gold", GOLD), ("hyp", HYP)):
        lines = [
            " ".join(f"{i}{'-' if (i, j) in s.sure else 'p'}{j}" for i, j in sorted(s.possible))
            for s in sentences
        ]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    (tmp_path / "times").mkdir()
    for number, lengths in enumerate(SECONDS):
        starts = [sum(lengths[:k]) for k in range(len(lengths) + 1)]
        words = [Interval(a, b, f"w{k}") for k, (a, b) in enumerate(pairwise(starts))]
        alignment = Alignment({"words": words}, starts[-1])
        write_alignment(alignment, tmp_path / "times" / f"{number:03}.TextGrid")
    return tmp_path


@pytest.mark.parametrize("metric", ["aer", "saer", "tw-saer"])
def test_files_score_as_pairs_do(metric, files):
    times = None if metric == "aer" else files / "times"
    found = score_links(files / "gold", str(files / "hyp"), metric=metric, source_times=times)
    weighted = [WeightedLinks(links, seconds) for links, seconds in zip(GOLD, SECONDS)]
    pairs = list(zip(GOLD if metric == "aer" else weighted, HYP))
    assert found.pooled == score(pairs, metric=metric)
    assert found.sentences == {
        str(n): score([pair], metric=metric) for n, pair in enumerate(pairs, start=1)
    }
    assert (found.metric, found.intervals, found.differences, found.skipped) == (metric, {}, {}, {})


def test_a_file_that_was_read_already_is_taken(files):
    named = read_links(files / "gold", format="pharaoh", base="0")
    found = score_links(named, files / "hyp", baseline=files / "gold", resamples=20, seed=1)
    assert found.pooled == score_links(files / "gold", files / "hyp").pooled
    assert found.differences["error_rate"].value == pytest.approx(found.pooled.error_rate)
    assert found.resamples == 20
    content = json.loads(json.dumps(found.to_dict()))
    assert content["pooled"]["error_rate"] == found.pooled.error_rate
    assert content["intervals"]["f1"]["high"] == found.intervals["f1"].high


def test_exchanged_files_are_noticed(files):
    with pytest.warns(SpeechAlignWarning, match=r"gold has possible links and .*hyp has none: are"):
        score_links(files / "hyp", files / "gold")


def test_bad_sentences_are_raised_or_left_out_and_named(files):
    (files / "hyp").write_text("0-0\n")
    with pytest.raises(InputError, match=r"sentence 2 of .* is missing; --skip-bad \(skip_bad="):
        score_links(files / "gold", files / "hyp")
    found = score_links(files / "gold", files / "hyp", skip_bad=True)
    assert (list(found.sentences), list(found.skipped)) == (["1"], ["2"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "wer"}, "metric: expected 'aer', 'saer' or 'tw-saer', got 'wer'"),
        ({"source_times": "x"}, "aer counts all words alike"),
        ({"metric": "tw-saer"}, "source_times: tw-saer needs word times"),
        ({"metric": "saer", "setting": "s2t"}, "setting: expected with tw-saer only"),
        ({"metric": "saer", "target_times": "x"}, "source_times: expected with target_times"),
    ],
)
def test_options_that_do_not_go_together(options, message, files):
    with pytest.raises(InputError, match=message):
        score_links(files / "gold", files / "hyp", **options)


def test_a_damaged_file_of_times_is_a_warning_and_its_sentence_a_fault(files):
    (files / "times/001.TextGrid").write_text("x")
    with pytest.warns(UserWarning, match=r"left out: .*001\.TextGrid"):
        found = score_links(
            files / "gold", files / "hyp", metric="saer", source_times=files / "times",
            skip_bad=True,
        )  # fmt: skip
    assert found.skipped == {"2": f"sentence 2: {files / 'times'}: no word times of this sentence"}
