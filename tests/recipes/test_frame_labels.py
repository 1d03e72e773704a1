"""Labels of frames, by a model of phones and again by the attributes that a network predicts."""

import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from small_neural_hmm import articulatory_hmm

torch = pytest.importorskip("torch", reason="needs torch")

from recipes.steps.articulate_frames import main as articulate_frames  # noqa: E402
from recipes.steps.label_frames import main as label_frames  # noqa: E402
from speechalign.errors import InputError  # noqa: E402
from speechalign.models import load_model  # noqa: E402
from speechalign.models.neural_hmm.folder import save  # noqa: E402
from speechalign.text.articulation import COLUMNS  # noqa: E402
from speechalign.training.frame_store import FrameStore  # noqa: E402
from speechalign.training.labelling import StoredArticulation  # noqa: E402


def run(step, *arguments):
    done = CliRunner().invoke(step, list(map(str, arguments)))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture
def labelled(examples, tmp_path):
    """Return a corpus of one recording, and its frames with the labels of `english-sphinx`."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for suffix in (".flac", ".lab"):
        shutil.copy(examples / f"slt/tea{suffix}", corpus)
    run(label_frames, corpus, "english-sphinx", tmp_path / "frames", "labels1")
    run(articulate_frames, tmp_path / "frames", "labels1", "attributes1")
    return corpus, FrameStore(tmp_path / "frames")


def posteriors(store, bits, delay):
    """Store what a network would say that is sure of attributes, ``delay`` frames late."""

    def make(number):
        allowed = np.roll(bits[number][:, 0], delay)
        likely = (allowed[:, None] >> np.arange(len(COLUMNS), dtype=np.uint64)) & np.uint64(1)
        return np.where(likely, 0.0, -9.0)

    store.fill("posteriors1", make, stride=160, width=len(COLUMNS), dtype=np.float16)


def test_a_head_labels_the_frames_by_its_attributes(labelled, tmp_path):
    corpus, store = labelled
    first = store.array("labels1")
    posteriors(store, store.array("attributes1"), delay=5)
    save(articulatory_hmm(), tmp_path / "head", texts={})
    again = ("labels2", "--posteriors", "posteriors1", "--head", tmp_path / "head")
    done = run(label_frames, corpus, "english-sphinx", store.folder, *again)
    assert done.exit_code == 0, done.output
    second = store.array("labels2").rows[:, 0]
    late = np.roll(first.rows[:, 0], 5)
    assert (second == late).mean() > 0.9
    assert (second == late).mean() > (second == first.rows[:, 0]).mean() + 0.2
    assert np.load(store.folder / "labels2.confidence.npy") > 0.5


def test_each_phone_has_the_scores_of_its_ipa(labelled):
    _, store = labelled
    posteriors(store, store.array("attributes1"), delay=0)
    base, head = load_model("english-sphinx"), articulatory_hmm()
    others = [phone for phone in base.phones if phone not in (base.silence, base.noise)]
    ipa = {phone: "ʃ" if phone == "SH" else head.noise for phone in others}
    stored = StoredArticulation(base, store.array("posteriors1"), head, ipa)
    found = stored.scores(0).reshape(-1, len(base.phones), 3)
    given = store.array("posteriors1")[0].astype(np.float32)
    wanted = head.with_phones(["ʃ"])
    scores = wanted.state_scores(given).reshape(-1, len(wanted.phones), 3)
    for phone, symbol in ((base.silence, "sil"), ("SH", "ʃ"), ("AA", "spn")):
        assert np.array_equal(
            found[:, base.phones.index(phone)], scores[:, wanted.phones.index(symbol)]
        )


def test_a_head_of_phones_is_refused(labelled, tmp_path):
    corpus, store = labelled
    posteriors(store, store.array("attributes1"), delay=0)
    save(load_model("english"), tmp_path / "head", texts={})
    again = ("labels2", "--posteriors", "posteriors1", "--head", tmp_path / "head")
    with pytest.raises(InputError, match="expected a model of any language"):
        run(label_frames, corpus, "english-sphinx", store.folder, *again)
