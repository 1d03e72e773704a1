"""The steps of the translation recipe: text, pieces, training, search, scores."""

import json
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch", reason="needs torch")
for package in ("safetensors", "tensorboard", "yaml", "sentencepiece"):
    pytest.importorskip(package, reason=f"needs {package}")
ROOT = Path(__file__).resolve().parents[2]
from recipes.corpora.reordered_language import Language  # noqa: E402
from recipes.steps.train_translation import TranslationTrainer, main, read_training  # noqa: E402
from recipes.steps.translate import greedy  # noqa: E402
from recipes.trainer.sentence_pairs import SentencePairs  # noqa: E402
from speechalign.errors import InputError  # noqa: E402
from speechalign.text.ngram import train_backoff_model  # noqa: E402
from speechalign.transcription.beam_search import LanguageModel, beam_search  # noqa: E402

SETTINGS = {
    "steps": 6,
    "batch_tokens": 30,
    "warmup": 2,
    "validate_every": 3,
    "average": 2,
    "losses": {"ctc": 0.5, "nmla2": 1.0},
    "network": {"width": 8, "heads": 2, "encoder_layers": 1, "decoder_layers": 1},
}


@pytest.fixture
def data(tmp_path):
    """Write 20 pairs, the target the source in reverse; one is too long for its frames."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "data"
    folder.mkdir()
    sources = [rng.integers(2, 9, rng.integers(2, 6)).tolist() for _ in range(20)]
    targets = [row[::-1] for row in sources]
    targets[4] = [5] * 30
    for name in ("train", "dev"):
        for suffix, rows in (("src", sources), ("tgt", targets)):
            text = "".join(" ".join(map(str, row)) + "\n" for row in rows)
            (folder / f"{name}.{suffix}").write_text(text)
    (folder / "vocabulary.json").write_text(json.dumps([str(i) for i in range(9)]))
    return folder


def trainer(data, out, **changes):
    config = out.parent / "config.yaml"
    config.write_text(json.dumps({**SETTINGS, **changes}))
    out.mkdir(exist_ok=True)
    pairs = [SentencePairs(data, name, pieces=9) for name in ("train", "dev")]
    return TranslationTrainer(read_training(config), *pairs, out, initial=None)


def weights(out):
    from safetensors.torch import load_file

    return load_file(out / "model" / "model.safetensors")


def test_a_killed_run_ends_as_if_it_had_not_been(data, tmp_path):
    whole = trainer(data, tmp_path / "whole")
    whole.run()
    killed = trainer(data, tmp_path / "killed")
    save, count = killed.save, []

    def save_and_stop():
        save()
        count.append(1)
        raise KeyboardInterrupt

    killed.save = save_and_stop
    with pytest.raises(KeyboardInterrupt):
        killed.run()
    assert killed.step_count == 3
    again = trainer(data, tmp_path / "killed")
    again.resume()
    assert again.step_count == 3
    again.run()
    one, two = weights(tmp_path / "whole"), weights(tmp_path / "killed")
    assert all(torch.equal(one[name], two[name]) for name in one)
    logs = [
        [
            {k: v for k, v in json.loads(line).items() if k != "seconds"}
            for line in (tmp_path / name / "log.jsonl").read_text().splitlines()
        ]
        for name in ("whole", "killed")
    ]
    assert logs[0] == logs[1]
    assert sum(row.get("infeasible", 0) for row in logs[0]) >= 1


def test_seed_0_and_steps_0_are_taken(data, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps(SETTINGS))
    out = tmp_path / "x"
    options = ["--seed", "0", "--steps", "0"]
    done = CliRunner().invoke(main, [str(config), str(data), str(out), *options])
    assert done.exit_code == 0, done.output
    untrained = trainer(data, tmp_path / "y", seed=0).model.state_dict()
    written = weights(out)
    assert all(torch.equal(value, untrained[name]) for name, value in written.items())
    assert not torch.equal(
        written["embedding.weight"], trainer(data, tmp_path / "y").model.embedding.weight
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stepps": 3}, "unknown key 'stepps'; expected steps, learning_rate, .*losses"),
        ({"losses": {"nmla": 1.0}}, "unknown loss 'nmla'; expected ctc, nmla1"),
        ({"network": {"depth": 2}}, "network: unknown key 'depth'"),
    ],
)
def test_unknown_settings(data, tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        trainer(data, tmp_path / "x", **changes)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("train.src", "1 2\n", "1 sources and 20 targets"),
        ("train.src", "\n" * 20, r"train\.src:1: empty"),
        ("train.tgt", "1 9\n", r"train\.tgt:1: expected ids in \[1, 9\), got 1 9"),
        ("train.tgt", "one\n", r"train\.tgt:1: expected ids separated by spaces"),
    ],
)
def test_damaged_data(data, file, text, message):
    (data / file).write_text(text)
    with pytest.raises(InputError, match=message):
        SentencePairs(data, "train", pieces=9)


def test_every_pair_is_in_one_batch_within_the_limit(data):
    pairs = SentencePairs(data, "train", pieces=9)
    for epoch in range(3):
        batches = pairs.batches(12, seed=1, epoch=epoch)
        assert sorted(index for batch in batches for index in batch) == list(range(20))
        for batch in batches:
            assert len(batch) == 1 or pairs.batch(batch).source.numel() <= 12


def speak(data, *, mels):
    """Write features of 8 frames for each source id: a row of the unit matrix, with noise."""
    rng = np.random.default_rng(0)
    for name in ("train", "dev"):
        folder = data / f"{name}.speech"
        folder.mkdir()
        entries, first = [], 0
        with (folder / "features.f16").open("wb") as file:
            for number, line in enumerate((data / f"{name}.src").read_text().splitlines()):
                rows = np.eye(mels)[np.repeat([int(i) for i in line.split()], 8)]
                file.write((rows + rng.normal(0, 0.1, rows.shape)).astype(np.float16).tobytes())
                entry = {"id": str(number), "speaker": "", "text": "", "audio": "", "words": []}
                entries.append({**entry, "first": first, "frames": len(rows)})
                first += len(rows)
        (folder / "index.jsonl").write_text("".join(json.dumps(e) + "\n" for e in entries))


def test_a_model_learns_to_translate_speech(data, tmp_path):
    """The target is the source in reverse: what is heard last is said first."""
    speak(data, mels=10)
    network = {"width": 32, "heads": 2, "encoder_layers": 1, "decoder_layers": 1, "mels": 10}
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({**SETTINGS, "steps": 150, "warmup": 20, "batch_tokens": 700,
                                  "validate_every": 150, "learning_rate": 0.01,
                                  "losses": {"ctc": 1.0}, "network": network}))  # fmt: skip
    train, dev = (SentencePairs(data, name, pieces=9, mels=10) for name in ("train", "dev"))
    out = tmp_path / "speech"
    out.mkdir()
    heard = TranslationTrainer(read_training(config), train, dev, out, initial=None)
    before = heard.evaluate()[heard.criterion]
    heard.run()
    assert heard.evaluate()[heard.criterion] < 0.3 * before
    with pytest.raises(InputError, match=r"features\.f16: expected \d+ bytes"):
        SentencePairs(data, "train", pieces=9, mels=11)


def best_labels(log_probs, blank, gain):
    """Sum over all paths for each output, and add what a language model gives it."""
    found = {}
    T, V = log_probs.shape
    for path in product(range(V), repeat=T):
        y = tuple(v for t, v in enumerate(path) if v != blank and (t == 0 or path[t - 1] != v))
        found[y] = found.get(y, 0.0) + np.exp(log_probs[np.arange(T), path].sum())
    return max(found, key=lambda y: np.log(found[y]) + gain(y))


@pytest.mark.parametrize("seed", range(8))
def test_wide_beam_is_exhaustive(seed):
    rng = np.random.default_rng(seed)
    log_probs = np.log(rng.dirichlet(np.ones(4), 5))
    blank = int(rng.integers(4))
    found = beam_search(log_probs, blank=blank, width=1000, candidates=4)
    assert tuple(found) == best_labels(log_probs, blank, lambda _: 0.0)


@pytest.mark.parametrize("seed", range(8))
def test_wide_beam_with_a_language_model_is_exhaustive(seed):
    rng = np.random.default_rng(seed)
    log_probs = np.log(rng.dirichlet(np.ones(4), 4))
    texts = [[4, *rng.integers(1, 4, rng.integers(1, 5)).tolist(), 5] for _ in range(30)]
    ngrams = train_backoff_model(texts, 6, order=3)
    model = LanguageModel(ngrams, 4, 5, weight=0.7, bonus=0.3)

    def gain(y):
        total, state = 0.0, ngrams.step(0, 4)[1]
        for token in (*y, 5):
            step, state = ngrams.step(state, token)
            total += 0.7 * step
        return total + 0.3 * len(y)

    found = beam_search(log_probs, blank=0, width=1000, candidates=4, model=model)
    assert tuple(found) == best_labels(log_probs, 0, gain)


def test_greedy():
    path = np.array([0, 2, 2, 0, 2, 1, 1, 3, 0])
    assert greedy(np.log(np.eye(4)[path] + 1e-3)) == [2, 2, 1, 3]


def test_the_generated_language_reorders():
    rng = np.random.default_rng(1)
    language = Language(rng)
    pairs = [language.sentence(rng) for _ in range(50)]
    assert all(len(source.split()) == len(target.split()) for source, target in pairs)
    verbs = {source for source, _ in language.words["verb"]}
    for source, _ in pairs:
        assert sum(word in verbs for word in source.split()) == 1


def test_program_of_pieces_and_of_translation(tmp_path):
    """The commands of the recipe, on a generated text and an untrained model."""

    def run(program, *arguments):
        subprocess.run(
            [sys.executable, "-m", f"recipes.{program}", *map(str, arguments)],
            check=True, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    text, bpe, out = tmp_path / "text", tmp_path / "bpe", tmp_path / "out"
    run("corpora.reordered_language", text, "--train", 60)
    run("steps.encode_text", text, bpe, "--pieces", 60)
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({**SETTINGS, "steps": 2, "batch_tokens": 900}))
    run("steps.train_translation", config, bpe, out)
    run("steps.translate", out / "model", bpe, "test", tmp_path / "a.txt")
    run("steps.translate", out / "model", bpe, "test", tmp_path / "b.txt", "--beam", 2)
    for name in ("a.txt", "b.txt"):
        assert len((tmp_path / name).read_text().splitlines()) == 500
