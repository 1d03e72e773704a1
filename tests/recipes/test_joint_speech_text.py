"""Heads that hear speech and read text: stretching, consistency, training, and what is refused."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")
for module in ("transformers", "yaml", "tensorboard"):
    pytest.importorskip(module, reason=f"needs {module}")

import soundfile  # noqa: E402
import tiny_models  # noqa: E402
from click.testing import CliRunner  # noqa: E402

from recipes.steps import encode_states, train_joint_speech_text  # noqa: E402
from recipes.trainer.decoding import log_probs  # noqa: E402
from recipes.trainer.head_runs import read_head_training  # noqa: E402
from recipes.trainer.joint_head import (  # noqa: E402
    JointHead,
    consistency,
    stretch_batch,
    stretched,
)
from recipes.trainer.letters import letter_vocabulary  # noqa: E402
from recipes.trainer.state_head import HeadConfig, load_head  # noqa: E402
from recipes.trainer.state_split import StateSplit  # noqa: E402
from speechalign.errors import InputError  # noqa: E402
from speechalign.losses import ctc_loss  # noqa: E402

VOCABULARY = letter_vocabulary()
CONFIG = {"channels": 16, "blocks": 2, "kernel": 3}
SETTINGS = {
    "steps": 4, "warmup": 2, "validate_every": 2, "batch_seconds": 3.0, "text": 0.5, "sentences": 2,
    "network": CONFIG,
}  # fmt: skip


def test_letters_last_as_long_as_they_may():
    """Runs of the stretched text are the text; every letter has its rows."""
    labels = VOCABULARY.ids("we too see")
    found = stretched(labels, VOCABULARY.symbols, blank=0, rng=np.random.default_rng(3))
    inside = found[np.flatnonzero(found)[0] : np.flatnonzero(found)[-1] + 1]
    assert 0 not in inside
    assert len(found) - len(inside) <= 8
    assert sum(label == VOCABULARY.ids(" ")[0] for label in inside) == 2
    least = sum(1 + (x in "aeiouy") for x in "we too see")
    assert least <= len(inside) <= least + len("wetoosee")
    counts = torch.tensor([len(labels), 2, 0])
    rows, lengths = stretch_batch(
        torch.tensor([labels] * 3), counts, VOCABULARY.symbols, blank=0, seed=1
    )
    assert rows.shape == (3, int(lengths.max()))
    assert not rows[2].any()
    # The stretched text has room for its letters, doubled ones included: two frames a row.
    scores = torch.zeros(3, 2 * rows.shape[1], len(VOCABULARY)).log_softmax(2)
    each = ctc_loss(
        scores, torch.tensor([labels] * 3), 2 * lengths, counts, blank=0, reduction="none"
    )
    assert each.isfinite().all()


def test_the_best_alignment_is_no_worse_than_the_uniform_one():
    rng = torch.Generator().manual_seed(0)
    speech, text = (torch.randn(2, n, 8, generator=rng) for n in (9, 5))
    lengths = torch.tensor([9, 6]), torch.tensor([5, 3])
    uniform, best = (consistency(k, speech, text, *lengths) for k in ("uniform", "best_alignment"))
    assert 0 < best < uniform
    # What is only stretched evenly is the same, whatever the padding holds.
    rows = text.repeat_interleave(2, 1)
    rows[1, 6:] = 7.0
    even = consistency("uniform", rows, text, torch.tensor([10, 6]), lengths[1])
    torch.testing.assert_close(even, torch.tensor(0.0), atol=1e-6, rtol=0)
    # Where letters last differently, only the best alignment finds them.
    uneven = text[:1].repeat_interleave(torch.tensor([1, 4, 1, 1, 3]), 1)
    counts = torch.tensor([10]), torch.tensor([5])
    assert consistency("best_alignment", uneven, text[:1], *counts) < 1e-6
    assert consistency("uniform", uneven, text[:1], *counts) > 0.1


def test_text_longer_than_the_speech_has_an_alignment():
    speech, text = torch.randn(1, 2, 8, requires_grad=True), torch.randn(1, 6, 8)
    for kind in ("uniform", "best_alignment"):
        found = consistency(kind, speech, text, torch.tensor([2]), torch.tensor([6]))
        assert found.isfinite()
        found.backward()
    assert speech.grad.isfinite().all()


def test_what_hears_speech_needs_no_text():
    torch.manual_seed(0)
    net = JointHead(HeadConfig(**CONFIG), 6, len(VOCABULARY)).eval()
    states, lengths = torch.randn(2, 7, 6), torch.tensor([7, 4])
    torch.testing.assert_close(
        net.for_speech().eval().encode(states, lengths), net.encode(states, lengths)
    )
    text = torch.tensor([[3, 3, 4, 5], [6, 0, 0, 0]])
    both, alone = net.read(text, torch.tensor([4, 1])), net.read(text[1:, :1], torch.tensor([1]))
    torch.testing.assert_close(both[1, :1], alone[0])


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """A store of states of some noise, and a text."""
    folder = tmp_path_factory.mktemp("joint")
    lines = []
    for number, text in enumerate(["the cat", "a dog", "cat", "the dog sat"]):
        noise = np.random.default_rng(number).normal(size=12000 + 800 * number)
        soundfile.write(folder / f"{number}.wav", 0.1 * noise, 16000)
        lines.append(json.dumps({"audio_filepath": f"{number}.wav", "text": text}))
    for name, some in (("train", lines), ("dev", lines[:2])):
        (folder / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in some))
    (folder / "text.txt").write_text("A dog runs.\n\nTwo cats, asleep\n")
    encoder = tiny_models.whisper(folder / "encoder")
    done = CliRunner().invoke(
        encode_states.main,
        [str(folder / "train.jsonl"), str(folder / "store"), "--encoder", str(encoder),
         "--layer", "2"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return folder


def trainer(material, out, initial=None, **changes):
    out.mkdir(exist_ok=True)
    (out / "settings.yaml").write_text(json.dumps(SETTINGS | changes))
    training = read_head_training(train_joint_speech_text.Training, out / "settings.yaml")
    splits = (StateSplit(material / "store", material / f"{x}.jsonl") for x in ("train", "dev"))
    sentences = train_joint_speech_text.read_sentences(material / "text.txt")
    return train_joint_speech_text.JointTrainer(training, *splits, sentences, out, initial=initial)


@pytest.mark.parametrize("kind", ["none", "uniform", "best_alignment"])
def test_a_resumed_run_is_as_if_it_had_not_stopped(material, tmp_path, kind):
    whole = trainer(material, tmp_path / "a", consistency=kind)
    assert len(whole.sentences) == 2
    whole.run()
    first = trainer(material, tmp_path / "b", consistency=kind)
    first.step()
    assert ("consistency" in first.step()) == (kind != "none")
    first.save()
    second = trainer(material, tmp_path / "b", consistency=kind)
    second.run()
    for name, value in whole.trained.items():
        torch.testing.assert_close(second.trained[name], value, rtol=0, atol=0)
    split = StateSplit(material / "store", material / "dev.jsonl")
    written = load_head(tmp_path / "a" / "model", encoder=split.encoder.content)
    found, wanted = (list(log_probs(model, split)) for model in (written, whole.joint))
    for (_, ours), (_, theirs) in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_head_begins_with_the_weights_of_another(material, tmp_path):
    trainer(material, tmp_path / "start", text=0.0).run()
    split = StateSplit(material / "store", material / "dev.jsonl")
    content = split.encoder.content
    start = load_head(tmp_path / "start" / "model", encoder=content)
    second = trainer(material, tmp_path / "b", initial=start, network={"channels": 32})
    assert second.net.config == start.net.config
    found, wanted = (next(log_probs(model, split))[1] for model in (second.joint, start))
    np.testing.assert_array_equal(found, wanted)
    assert torch.is_grad_enabled()  # though not all was taken
    second.step()
    second.save()
    trainer(material, tmp_path / "b", initial=start, network={"channels": 32}).resume()
    other = trainer(material, tmp_path / "other", seed=5)
    other.write_model()
    changed = load_head(tmp_path / "other" / "model", encoder=content)
    with pytest.raises(InputError, match="began from another model"):
        trainer(material, tmp_path / "b", initial=changed, network={"channels": 32}).resume()


def test_what_cannot_be_trained_on(material, tmp_path):
    with pytest.raises(InputError, match="consistency: expected one of none, uniform, best_al"):
        trainer(material, tmp_path, consistency="dtw")
    with pytest.raises(InputError, match="blocks: expected at least 2, got 1"):
        trainer(material, tmp_path, network={"blocks": 1})
    (tmp_path / "text.txt").write_text("\n123\n")
    with pytest.raises(InputError, match="expected sentences, one a line, found none"):
        train_joint_speech_text.read_sentences(tmp_path / "text.txt")
    with pytest.raises(InputError, match="No such file or directory; write a sentence in each"):
        train_joint_speech_text.read_sentences(tmp_path / "none.txt")
