"""Arguments of a wrong type: an InputError names the argument, the type wanted, and what it got."""

import numpy as np
import pytest

from speechalign import (
    Aligner,
    Alignment,
    Emissions,
    FrameGrid,
    Interval,
    Vocabulary,
    align,
    load_model,
    read_alignment,
    read_corpus,
    score,
    write_alignment,
)
from speechalign.errors import InputError, wrong_type
from speechalign.functional import forced_align, merge_tokens
from speechalign.graphs import Graph, ctc_graph
from speechalign.kernels import forward_backward, viterbi
from speechalign.links import Links
from speechalign.metrics import boundary_errors, report

GRAPH = ctc_graph([1, 2], blank=0)
ALIGNMENT = Alignment({"words": [Interval(0, 1, "a")]}, 1)
GRID, LETTERS = FrameGrid(16000, 320), Vocabulary(["a"])
ZEROS, ONE = np.zeros((1, 1, 1)), np.array([1])
FIELDS = [np.zeros(0, np.int64)] * 3 + [np.zeros(0)] + [np.zeros(0, np.int64)] + [np.zeros(1)] * 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FrameGrid("16000", 160), r"FrameGrid\.sample_rate: expected an int.* str '16000'"),
        (lambda: FrameGrid(16000, 0.5), r"FrameGrid\.stride: expected an integer .* got float 0\."),
        (lambda: Vocabulary(5), "vocabulary: expected a sequence of symbols, got int 5"),
        (lambda: Vocabulary(["a", 2]), r"vocabulary\[1\]: expected a str, got int 2"),
        (lambda: Vocabulary([["a"]]), r"vocabulary\[0\]: expected a str, got list"),
        (lambda: Emissions([[[0.0]]], ONE, GRID, LETTERS), "log_probs: expected a floating ndarra"),
        (lambda: Emissions(ZEROS.astype(int), ONE, GRID, LETTERS), "log_probs: expected a floatin"),
        (lambda: Emissions(ZEROS, [1], GRID, LETTERS), "input_lengths: expected an ndarray, got l"),
        (lambda: Emissions(ZEROS, ONE, 320, LETTERS), "grid: expected a FrameGrid, got int 320"),
        (lambda: Emissions(ZEROS, ONE, GRID, ["a"]), "vocabulary: expected a Vocabulary, got list"),
        (lambda: Graph([0], *FIELDS[1:]), r"Graph\.sources: expected an ndarray, got list \[0\]"),
        (lambda: ctc_graph("ab", blank=0), r"targets: expected shape \(L,\), integer"),
        (lambda: viterbi([[0.0, 0.0, 0.0]], GRAPH), "log_probs: expected an ndarray or a torch.Te"),
        (lambda: viterbi(np.zeros((3, 3)), "G"), "graph: expected a Graph, got str 'G'"),
        (lambda: forward_backward(np.zeros((3, 3)), GRAPH, by=1), "by: expected 'arc', .* got 1"),
        (lambda: forced_align([[[0.0]]], ONE), "log_probs: expected an ndarray or a torch.Tensor"),
        (lambda: merge_tokens([1], [1]), "tokens: expected an ndarray or a torch.Tensor, got list"),
        (lambda: read_alignment(None), "path: expected the path of a file, got NoneType"),
        (lambda: write_alignment(ALIGNMENT, 5), "path: expected the path of a file, got int 5"),
        (lambda: write_alignment([], "a.ctm"), r"alignment: expected an Alignment, got list \[\];"),
        (lambda: ALIGNMENT.save(5), "path: expected the path of a file, got int 5"),
        (lambda: list(ALIGNMENT.contiguous("tones")), "tier: expected one of words, got 'tones'"),
        (lambda: read_corpus(5), "path: expected the path of a corpus, got int 5"),
        (lambda: load_model(5), "source: expected the name or path of a model, got int 5"),
        (lambda: Aligner(None), "model: expected a name, a path or a loaded model, got NoneType"),
        (lambda: Aligner(min_pause="0"), "min_pause: expected seconds, got str '0'"),
        (lambda: Aligner(language=5), "language: expected an ISO 639 code such as 'en', got int 5"),
        (lambda: Aligner(dictionary=5), "dictionary: expected a file, .* or a list of them, got i"),
        (lambda: align(ZEROS[0, 0], "a", sample_rate=1, channel="0"), "channel: expected the numb"),
        (lambda: score(5), r"pairs: expected an iterable of \(reference, hypothesis\), got int 5"),
        (lambda: score([ALIGNMENT, ALIGNMENT]), r"pairs\[0\]: expected a pair .* got Alignment <A"),
        (lambda: score([("a", "b")]), r"pairs\[0\]: reference: expected an Alignment, got str 'a'"),
        (lambda: score([(Links([]), ALIGNMENT)], metric="aer"), r"hypothesis: expected Links, got"),
        (lambda: score([(3, ["a"])], metric="word-errors"), "reference: expected a list of words"),
        (lambda: report([(ALIGNMENT, ALIGNMENT)]), "pairs: expected a mapping from names to"),
        (lambda: boundary_errors(ALIGNMENT, ALIGNMENT, tier=1), "tier: expected the name of a tie"),
        (lambda: Links(5), r"sure: expected pairs of word indices, such as \[\(0, 0\), .* got int"),
        (lambda: Links([(0, 0)], [(0, "a")]), "possible: expected pairs of word indices"),
    ],
)  # fmt: skip
def test_wrong_types(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_long_values_are_not_shown():
    assert str(wrong_type("x", "a str", ["a"] * 99)) == "x: expected a str, got list"
    assert str(wrong_type("x", "a str", None, "give one")) == (
        "x: expected a str, got NoneType; give one"
    )


def test_graphs_take_int32():
    fields = (x.astype(np.int32) if x.dtype == np.int64 else x for x in FIELDS)
    kept = vars(Graph(*fields)).values()
    assert [x.dtype for x in kept] == [x.dtype for x in FIELDS]
