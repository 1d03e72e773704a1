"""HMM-GMM models: folders, scores, pronunciation priors."""

import errno
import json
import shutil

import numpy as np
import pytest

from speechalign.errors import FormatError, InputError
from speechalign.models import load_model
from speechalign.models.folders import replacing_folder
from speechalign.models.hmm_gmm.folder import load, save
from speechalign.models.hmm_gmm.mixtures import Mixtures
from speechalign.models.hmm_gmm.model import HmmGmm

PHONES = ("sil", "spn", "a", "b")
DICTIONARY = {"ab": (("a", "b"), ("a",)), "über": (("b", "a"),), "a": (("a",),)}


def build(name="small", seed=0, **changes):
    rng = np.random.default_rng(seed)
    shape = (12, 3, 2, 13)
    weights = rng.random((12, 1, 2, 1))
    weights[5, 0, 1] = 0.0
    weights /= weights.sum(axis=2, keepdims=True)
    arguments = {
        "language": "en",
        "licence": "CC0",
        "phones": PHONES,
        "silence": "sil",
        "noise": "spn",
        "mixtures": Mixtures(
            rng.normal(size=shape).astype(np.float32),
            (0.5 + rng.random(shape)).astype(np.float32),
            weights.astype(np.float32),
            np.array([1, 0.5, 0.5], np.float32),
        ),
        "stay": 0.1 + 0.8 * rng.random((4, 3)),
        "dictionary": DICTIONARY,
        "variant_priors": {DICTIONARY["ab"]: (float(np.log(0.75)), float(np.log(0.25)))},
        "silence_probability": 0.3,
        "acoustic_scale": 0.2,
        "calibration": (1.5, 4.5),
        **changes,
    }
    return HmmGmm(name=name, **arguments)


@pytest.fixture
def model():
    return build()


@pytest.fixture
def folder(model, tmp_path):
    save(model, tmp_path / "model", texts={"MODEL_CARD.md": "# small\n"})
    return tmp_path / "model"


def emit(model, samples):
    return model.emit(samples[None], np.array([len(samples)]))


def test_a_model_comes_back_from_its_folder(model, folder):
    found = load_model(folder)
    for name in ("means", "variances", "weights", "stream_weights"):
        ours, theirs = getattr(found.mixtures, name), getattr(model.mixtures, name)
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == np.float32
    np.testing.assert_array_equal(found.stay, model.stay)
    assert found.dictionary == model.dictionary
    assert found.variant_priors.keys() == model.variant_priors.keys()
    for word, priors in model.variant_priors.items():
        assert found.variant_priors[word] == pytest.approx(priors, rel=1e-12)
    for name in ("name", "language", "licence", "phones", "silence", "noise",
                 "silence_probability", "acoustic_scale", "calibration"):  # fmt: skip
        assert getattr(found, name) == getattr(model, name)
    assert (folder / "MODEL_CARD.md").read_text() == "# small\n"
    samples = (0.1 * np.random.default_rng(1).normal(size=4000)).astype(np.float32)
    np.testing.assert_array_equal(emit(found, samples).log_probs, emit(model, samples).log_probs)


def test_the_same_model_is_written_byte_for_byte_the_same(model, folder, tmp_path):
    save(model, tmp_path / "again", texts={"MODEL_CARD.md": "# small\n"})
    for file in folder.iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()


def test_dictionary_is_in_the_format_of_mfa(folder):
    lines = (folder / "dictionary.txt").read_text("utf-8").splitlines()
    assert lines == ["ab\t0.75\ta b", "ab\t0.25\ta", "über\tb a", "a\ta"]


def test_scores_do_not_depend_on_the_batch(model):
    rng = np.random.default_rng(0)
    recordings = [(0.1 * rng.normal(size=n)).astype(np.float32) for n in (3000, 160, 4999)]
    batch = np.full((3, 6000), np.nan, np.float32)
    for row, samples in zip(batch, recordings):
        row[: len(samples)] = samples
    emissions = model.emit(batch, np.array([len(samples) for samples in recordings]))
    assert not emissions.normalised
    for b, samples in enumerate(recordings):
        np.testing.assert_array_equal(emissions[b], emit(model, samples)[0])


def test_priors_stand_on_the_arcs_into_a_pronunciation(model):
    with_priors = model.graph([DICTIONARY["ab"]])
    without = build(variant_priors={}).graph([DICTIONARY["ab"]])
    difference = with_priors.weights - without.weights
    expected = {0.0, float(np.log(0.75)), float(np.log(0.25))}
    assert {round(d, 9) for d in difference.tolist()} == {round(e, 9) for e in expected}
    changed = difference != 0
    # Two ways into each: from the start, and from the silence before the word.
    assert changed.sum() == 4
    assert (with_priors.positions[changed] == 1).all()


def test_gaussians_of_weight_zero_are_not_there(model):
    means = model.mixtures.means.copy()
    means[5, :, 1] = 1e3
    moved = Mixtures(means, model.mixtures.variances, model.mixtures.weights,
                     model.mixtures.stream_weights)  # fmt: skip
    features = np.random.default_rng(2).normal(size=(3, 13, 9)).astype(np.float32)
    states = np.arange(12)
    np.testing.assert_array_equal(
        moved.log_likelihoods(features, states), model.mixtures.log_likelihoods(features, states)
    )
    assert model.mixtures.num_gaussians == 23


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("model.json", b"{", r"model.json: damaged; expected a JSON object"),
        ("model.json", b'{"kind": "hmm-gmm"}', r"model.json: damaged \('format'\)"),
        ("parameters.npz", b"PK\x03\x04", r"parameters.npz: damaged .*copy the model again"),
        ("parameters.npz", None, r"parameters.npz: No such file"),
        ("dictionary.txt", b"word\n", r"dictionary.txt:1: 'word' has no phones"),
        ("dictionary.txt", b"\xff\ta\n", r"dictionary.txt:1: .* is not UTF-8"),
        ("dictionary.txt", b"ab\ta q\n", r"dictionary.txt:1: 'ab': the model has no phone 'q'"),
        ("dictionary.txt", None, r"dictionary.txt: No such file"),
    ],
)
def test_damaged_folder(folder, name, damage, message):
    if damage is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(damage)
    with pytest.raises((FormatError, InputError), match=message):
        load_model(folder)


def test_pickled_objects_are_refused(folder):
    np.savez(folder / "parameters.npz", means=np.array([{}], object))
    with pytest.raises(FormatError, match=r"parameters.npz: damaged"):
        load(folder)


def test_features_of_a_later_version(folder):
    described = json.loads((folder / "model.json").read_text())
    described["features"]["stride"] = 80
    (folder / "model.json").write_text(json.dumps(described))
    with pytest.raises(FormatError, match="other features; update speechalign"):
        load(folder)


def test_a_dictionary_that_nobody_has(folder):
    described = json.loads((folder / "model.json").read_text())
    assert described["dictionary"] is None
    described["dictionary"] = "swedish"
    (folder / "model.json").write_text(json.dumps(described))
    with pytest.raises(FormatError, match=r"model.json: dictionary 'swedish' is not known; update"):
        load(folder)
    del described["dictionary"]  # as models were saved before there was a choice
    (folder / "model.json").write_text(json.dumps(described))
    assert load(folder).dictionary == DICTIONARY


def test_full_disk_leaves_the_old_model(folder, tmp_path, monkeypatch):
    def no_space(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    monkeypatch.setattr(np, "savez", no_space)
    with pytest.raises(OSError, match="No space left") as caught:
        save(build(seed=1), folder, texts={})
    assert caught.value.filename == str(folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_model_replaces_a_model_and_nothing_else(model, folder, tmp_path):
    save(build(name="other"), folder, texts={})
    assert load(folder).name == "other"
    assert not (folder / "MODEL_CARD.md").exists()
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "chapter.txt").write_text("1")
    with pytest.raises(InputError, match="holds files, and no model"):
        save(model, foreign, texts={})
    with pytest.raises(InputError, match="is a file; choose another name"):
        save(model, foreign / "chapter.txt", texts={})
    assert (foreign / "chapter.txt").read_text() == "1"


def test_block_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), replacing_folder(tmp_path / "new"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"phones": ("sil", "spn", "a")},
            r"expected 3 probabilities for each of 3 phones, got shape \(4, 3\)",
        ),
        (
            {"phones": ("sil", "spn", "a"), "stay": np.full((3, 3), 0.5)},
            "expected 9 states of mixtures, got 12",
        ),
        ({"stay": np.full((4, 2), 0.5)}, r"for each of 4 phones, got shape \(4, 2\)"),
        ({"noise": "+SPN+"}, r"'\+SPN\+' is not one of the phones"),
    ],
)
def test_parts_that_do_not_match(changes, message):
    with pytest.raises(InputError, match=message):
        build(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"variances": np.zeros((2, 3, 2, 13), np.float32)}, "values above 0"),
        ({"weights": np.zeros((2, 1, 2, 1), np.float32)}, "no Gaussian of positive weight"),
        ({"weights": np.ones((2, 2, 2, 1), np.float32)}, r"expected shape \(2, 1, 2, 1\) or"),
        ({"stream_weights": np.ones(2, np.float32)}, "R stream weights"),
        ({"means": np.ones((2, 3, 2, 12), np.float32)}, r"shape \(C, R, K, 13\)"),
    ],
)
def test_mixtures_that_do_not_match(changes, message):
    arrays = {
        "means": np.ones((2, 3, 2, 13), np.float32),
        "variances": np.ones((2, 3, 2, 13), np.float32),
        "weights": np.ones((2, 1, 2, 1), np.float32),
        "stream_weights": np.ones(3, np.float32),
        **changes,
    }
    with pytest.raises(InputError, match=message):
        Mixtures(**arrays)


def test_embedded_model_can_be_exported(tmp_path):
    embedded = load_model("english-sphinx")
    save(embedded, tmp_path / "copy", texts={})
    copy = load_model(tmp_path / "copy")
    samples = (0.1 * np.random.default_rng(0).normal(size=8000)).astype(np.float32)
    np.testing.assert_array_equal(emit(copy, samples).log_probs, emit(embedded, samples).log_probs)
    assert copy.dictionary == embedded.dictionary
    assert list(copy.dictionary) == list(embedded.dictionary)
    # The dictionary is installed; there is no copy of it but for words with learnt probabilities.
    assert (tmp_path / "copy" / "dictionary.txt").read_text() == ""
    priors = {embedded.dictionary["a"]: (-0.5, -1.5)}
    known = embedded.estimated(mixtures=embedded.mixtures, variant_priors=priors)
    save(known, tmp_path / "copy", texts={})
    again = load_model(tmp_path / "copy")
    assert again.dictionary == embedded.dictionary
    ((word, found),) = again.variant_priors.items()
    assert word == embedded.dictionary["a"]
    assert found == pytest.approx((-0.5, -1.5))
    shutil.rmtree(tmp_path / "copy")
