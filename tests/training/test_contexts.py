"""Context-dependent states: trees, and when they are taken."""

import numpy as np
import pytest
from toy_speech import DICTIONARY, SOURCE, Quiet, material

from speechalign.errors import InputError
from speechalign.models.hmm_gmm.folder import load
from speechalign.models.hmm_gmm.state_tree import StateTree
from speechalign.training.contexts import (
    ContextStatistics,
    collect,
    grow,
    in_context,
    likelihood,
    questions_of,
)
from speechalign.training.trainer import fit

FLOOR = np.full(39, 1e-3)


def sums_of(frames):
    """Return count, sum and sum of squares of (n, 39) frames."""
    return np.concatenate([[len(frames)], frames.sum(axis=0), (frames**2).sum(axis=0)])


def coloured(folder, *, size, utterances=60, seed=0):
    """Toy speech in which phone "a" after "c" sounds another way, by ``size``."""
    toy, truth = material(folder, utterances=utterances, seed=seed)
    stored = np.fromfile(toy.path, np.float32).reshape(-1, 13)
    begins = np.flatnonzero(np.diff(truth, prepend=-2))
    for begin, end in zip(begins, [*begins[1:], len(truth)]):
        if truth[begin] == 0 and begin and truth[begin - 1] == 2:
            stored[begin:end, 3] += size
    stored.tofile(toy.path)
    return toy


def fitted(toy, *, contexts, progress=None, jobs=1, gaussians=1):
    return fit(
        toy, SOURCE, name="toy", licence="none", gaussians=gaussians, contexts=contexts, jobs=jobs,
        seed=0, progress=progress or Quiet(),
    )  # fmt: skip


def test_likelihood_is_that_of_the_gaussian_that_fits():
    rng = np.random.default_rng(0)
    frames = rng.normal(size=(50, 39)) * rng.uniform(0.5, 2, size=39) + 1
    frames[:, 7] = 3.0  # no variance: the floor counts
    mean, variance = frames.mean(axis=0), np.maximum(frames.var(axis=0), FLOOR)
    logs = -0.5 * (np.log(2 * np.pi * variance) + (frames - mean) ** 2 / variance)
    assert likelihood(sums_of(frames), FLOOR) == pytest.approx(logs.sum(), rel=1e-9)
    assert likelihood(np.zeros(79), FLOOR) == 0.0


def context_statistics(*, offset, frames=300, seed=1):
    """Phone 0 between 1, 2, 3 or none; its states sound another way after 1 and 2."""
    rng = np.random.default_rng(seed)
    contexts, sums = [], []
    for phone in range(4):
        for left in (1, 2, 3, 4):
            centre = 10.0 * np.eye(39)[phone] + offset * np.eye(39)[5] * (
                phone == 0 and left in (1, 2)
            )
            # Phones 1 and 2 are nearly alike, so that one question asks for both.
            centre += (phone == 2) * (10.0 * np.eye(39)[1] - 10.0 * np.eye(39)[2] + 0.3)
            contexts.append((phone, left, 4))
            sums.append([sums_of(centre + rng.normal(size=(frames, 39))) for _ in range(3)])
    return ContextStatistics(np.array(contexts), np.array(sums))


def test_questions_join_what_sounds_alike():
    questions = questions_of(context_statistics(offset=0.0), 4, FLOOR)
    asked = {tuple(np.flatnonzero(row).tolist()) for row in questions}
    assert {(0,), (1,), (2,), (3,), (4,), (1, 2)} <= asked
    assert (0, 1, 2, 3) not in asked


def test_the_tree_asks_what_matters():
    found = context_statistics(offset=3.0)
    tree, sums = grow(found, 4, whole=(), variance=np.ones((3, 13)))
    assert tree.num_leaves == 4 * 3 + 3
    for state in range(3):
        after = [tree.leaf(0, state, left, 4) for left in range(5)]
        assert after[1] == after[2] != after[3]
        assert after[3] == after[4]
        assert tree.home[after[1]] == tree.home[after[3]] == state
        assert tree.leaf(1, state, 1, 4) == tree.leaf(1, state, 3, 0)
    assert sums[:, 0].sum() == found.sums[..., 0].sum()
    # Nothing to ask where contexts make no difference, for a phone that is left whole, or where
    # a leaf would have few frames.
    assert (
        grow(context_statistics(offset=0.0), 4, whole=(), variance=np.ones((3, 13)))[0].num_leaves
        == 12
    )
    assert grow(found, 4, whole=(0,), variance=np.ones((3, 13)))[0].num_leaves == 12
    few = context_statistics(offset=3.0, frames=90)
    assert grow(few, 4, whole=(), variance=np.ones((3, 13)))[0].num_leaves == 12


def test_every_leaf_is_reached_and_arrays_come_back():
    tree = grow(context_statistics(offset=3.0), 4, whole=(), variance=np.ones((3, 13)))[0]
    reached = {
        tree.leaf(p, h, left, right)
        for p in range(4) for h in range(3) for left in range(5) for right in range(5)
    }  # fmt: skip
    assert reached == set(range(tree.num_leaves))
    again = StateTree.of_arrays(tree.arrays())
    np.testing.assert_array_equal(again.home, tree.home)
    assert StateTree.of_arrays({}) is None
    nodes = tree.nodes.copy()
    inner = np.flatnonzero(nodes[:, 1] >= 0)[0]
    nodes[inner, 2] = inner
    with pytest.raises(InputError, match="do not make a tree"):
        StateTree(tree.questions, tree.roots, nodes)


@pytest.fixture(scope="module")
def taken(tmp_path_factory):
    toy = coloured(tmp_path_factory.mktemp("taken") / "toy", size=6.0)
    return toy, fitted(toy, contexts=True)


def test_statistics_are_collected_by_neighbour(taken):
    toy = taken[0]
    model = fitted(toy, contexts=False).model
    found = collect(model, toy, toy.spoken, jobs=1)
    names = [*model.phones, "#"]
    contexts = [tuple(names[i] for i in row) for row in found.contexts.tolist()]
    allowed = {
        (a[1], a[0], a[2])
        for variants in DICTIONARY.values() for phones in variants
        for a in zip(("#", *phones), phones, (*phones[1:], "#"))
    }  # fmt: skip
    assert set(contexts) - {("sil", "#", "#")} == allowed
    assert found.sums[..., 0].sum() == toy.frames
    # Phone "a" after "c" has its own sound; at the beginning of a word only sometimes.
    means = {c: s[1, 4] / s[1, 0] for c, s in zip(contexts, found.sums)}
    assert means["a", "c", "b"] == pytest.approx(means["a", "c", "#"], abs=0.5)
    assert means["a", "c", "b"] > means["a", "#", "b"] + 2
    three = collect(model, toy, toy.spoken, jobs=3)
    np.testing.assert_array_equal(three.sums, found.sums)


def test_contexts_are_taken_where_they_explain_held_out_speech(taken, tmp_path):
    toy, trained = taken
    trial = trained.report.trial
    assert trial.rises
    assert trial.context_states > trial.states == 15
    assert trial.utterances == 6
    model = trained.model
    assert model.mixtures.num_states == trial.context_states
    line = "context-dependent states taken: log-likelihood of 6 held-out utterances -"
    assert line in trained.report.text()
    after, first = (
        model.unit("a", left="c", right="b").labels,
        model.unit("a", left="", right="b").labels,
    )
    assert after != first
    assert {int(model.home[label]) // 3 for label in (*after, *first)} == {2}
    middle = model.mixtures.means[:, 0, 0, 3]
    assert middle[after[1]] > middle[first[1]] + 2
    # It is what it was when it comes back from its folder.
    trained.save(tmp_path / "model")
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(again.home, model.home)
    features = np.random.default_rng(0).normal(size=(3, 13, 5)).astype(np.float32)
    states = np.arange(model.mixtures.num_states)
    np.testing.assert_array_equal(
        again.mixtures.log_likelihoods(features, states),
        model.mixtures.log_likelihoods(features, states),
    )
    words = toy.spoken[0].words
    np.testing.assert_array_equal(again.graph(words).labels, model.graph(words).labels)


def test_chains_know_the_neighbours_that_graphs_know(taken):
    model = taken[1].model
    word = DICTIONARY["cab"]
    graph = model.graph([word, word])
    inside = graph.labels[(graph.positions == 1) & (graph.sources != graph.targets)]
    chain = model.chain(["sil", *word[0], *word[0]], positions=[0, 1, 1, 1, 3, 3, 3])
    labels = chain.labels[chain.sources != chain.targets]
    np.testing.assert_array_equal(labels[3:12], labels[12:])
    assert set(labels[3:12].tolist()) == set(inside.tolist())
    assert model.chain(["a", "b"]).num_states == 7


def test_monophones_stay_where_contexts_explain_nothing(tmp_path):
    plain = coloured(tmp_path / "plain", size=0.0)
    without = fitted(plain, contexts=False)
    trained = fitted(plain, contexts=True)
    assert not trained.report.trial.rises
    assert "context-dependent states not taken" in trained.report.text()
    assert trained.model.tree is None
    np.testing.assert_array_equal(trained.model.mixtures.means, without.model.mixtures.means)
    few = coloured(tmp_path / "few", size=6.0, utterances=19)
    progress = Quiet()
    assert fitted(few, contexts=True, progress=progress).report.trial is None
    assert "not tried with fewer than 20 utterances" in progress.warnings[0]


@pytest.mark.parametrize("passes", [4, 12, 16])
def test_a_stopped_trial_goes_on_to_the_same_model(taken, tmp_path, passes):
    toy = coloured(tmp_path / "toy", size=6.0)
    progress = Quiet(passes)
    progress.passed = progress.stop_now
    with pytest.raises(KeyboardInterrupt):
        fitted(toy, contexts=True, progress=progress)
    again = fitted(toy, contexts=True, jobs=2)
    np.testing.assert_array_equal(again.model.mixtures.means, taken[1].model.mixtures.means)
    np.testing.assert_array_equal(again.model.tree.nodes, taken[1].model.tree.nodes)
    assert again.report == taken[1].report


def test_a_leaf_without_frames_sounds_like_its_phone(taken):
    toy = taken[0]
    model = fitted(toy, contexts=False).model
    statistics = collect(model, toy, toy.spoken, jobs=1)
    variance = np.ones((3, 13))
    tree, sums = grow(statistics, 5, whole=(0, 1), variance=variance)
    found = in_context(model, tree, sums, variance)
    noise = found.unit("spn").labels[0]
    assert sums[noise, 0] == 0
    np.testing.assert_array_equal(found.mixtures.means[noise, :, 0], model.mixtures.means[3, :, 0])
