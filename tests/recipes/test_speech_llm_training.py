"""Training of a speech LLM: resumed runs, recordings without speech, and what is refused."""

import json
from unittest.mock import Mock

import numpy as np
import pytest
import soundfile

torch = pytest.importorskip("torch", reason="needs torch")
for module in ("transformers", "peft", "yaml", "tensorboard"):
    pytest.importorskip(module, reason=f"needs {module}")

import tiny_models  # noqa: E402
from click.testing import CliRunner  # noqa: E402
from small_llm import language_model, letter_encoder  # noqa: E402

from recipes.steps import encode_states, train_speech_llm, transcribe  # noqa: E402
from recipes.trainer.encoded_recordings import (  # noqa: E402
    EncodedRecordings,
    StoredRecordings,
)
from recipes.trainer.speech_manifest import Recording, read_manifest, write_manifest  # noqa: E402
from speechalign.errors import InputError  # noqa: E402

SETTINGS = {
    "steps": 4, "batch": 4, "matching": 1.0, "ctc": 0.1, "nonspeech": 0.25, "warmup": 2,
    "validate_every": 2, "dev_recordings": 1,
    "model": {"hidden": 16, "stack": 8, "train": ["adapter", "encoder[-1:]", "lm.lora"]},
}  # fmt: skip


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """A folder with small models, and recordings with the words cat, the and none."""
    folder = tmp_path_factory.mktemp("material")
    letter_encoder(folder / "encoder")
    language_model(folder / "lm")
    recordings = []
    for number, text in enumerate(["the cat", "a dog", "cat", "the dog sat", "", ""]):
        noise = np.random.default_rng(number).normal(size=4000 + 400 * number)
        soundfile.write(folder / f"{number}.wav", 0.1 * noise, 16000)
        recordings.append(Recording(folder / f"{number}.wav", text, "me"))
    write_manifest(folder / "train.jsonl", recordings)
    write_manifest(folder / "dev.jsonl", recordings[:2])
    return folder


def trainer(material, out, *, encoder=None, states=None, texts=(), initial=None, **changes):
    out.mkdir(exist_ok=True)
    config = out / "settings.yaml"
    config.write_text(json.dumps(SETTINGS | changes))
    manifests = (read_manifest(material / f"{name}.jsonl") for name in ("train", "dev"))
    return train_speech_llm.SpeechLlmTrainer(
        train_speech_llm.read_training(config), *manifests, out,
        encoder=encoder or material / "encoder", lm=material / "lm", texts=texts,
        initial=initial, states=states,
    )  # fmt: skip


def test_a_resumed_run_is_as_if_it_had_not_stopped(material, tmp_path):
    whole = trainer(material, tmp_path / "a")
    whole.run()
    first = trainer(material, tmp_path / "b")
    first.step()
    first.step()
    first.save()
    second = trainer(material, tmp_path / "b")
    second.resume()
    assert second.step_count == 2
    second.run()
    for name, value in whole.trained.items():
        torch.testing.assert_close(second.trained[name], value, rtol=0, atol=0)
    lines = [json.loads(x) for x in (tmp_path / "a" / "log.jsonl").read_text().splitlines()]
    assert [x["step"] for x in lines if x["split"] == "dev"] == [2, 4]
    assert {"cross_entropy", "matching", "ctc"} <= lines[0].keys()
    other = trainer(material, tmp_path / "b", model={"hidden": 16, "stack": 8})
    with pytest.raises(InputError, match="written with other settings"):
        other.resume()
    assert whole.criterion in whole.evaluate()


def test_recordings_without_speech_are_heard_besides(material, tmp_path):
    mixed, plain = (trainer(material, tmp_path, nonspeech=share) for share in (0.25, 0.0))
    batches = [mixed.batch(step) for step in range(8)]
    assert all([r.text for r in batch].count("") == 1 for batch in batches)
    # The speech is the same in the same steps, and each of 4 recordings comes as often.
    spoken = [[r for r in batch if r.text] for batch in batches]
    assert spoken == [plain.batch(step) for step in range(8)]
    seen = [r.text for batch in spoken for r in batch]
    assert {seen.count(text) for text in seen} == {8}


def test_recordings_without_speech_leave_the_weight_of_speech(material, tmp_path):
    run = trainer(material, tmp_path)
    both = run.batch(0)
    totals = [run.losses(recordings)[0] for recordings in (both[:4], both[4:], both)]
    torch.testing.assert_close(totals[0] + totals[1], totals[2])


@pytest.mark.parametrize("family", ["letters", "whisper"])
def test_a_frozen_encoder_hears_each_recording_once(material, tmp_path, monkeypatch, family):
    frozen = {"ctc": 0.0, "model": {"hidden": 16, "stack": 8}}
    encoder = None if family == "letters" else tiny_models.whisper(tmp_path / "whisper")
    run = trainer(material, tmp_path, encoder=encoder, **frozen)
    hears = Mock(wraps=run.model.encode)
    monkeypatch.setattr(run.model, "encode", hears)
    recordings = run.batch(0)
    first = run.losses(recordings)[1]
    assert run.losses(recordings)[1] == first
    assert hears.call_count == len(recordings) == 5
    # What there is no room for is heard each time, and is the same.
    run._encoded = EncodedRecordings(run.model, most_bytes=0)
    assert [run.losses(recordings)[1] for _ in range(2)] == [first, first]
    assert hears.call_count == 15
    # An encoder that is trained hears the batch, each time; here it has no dropout.
    run.model.encoder.requires_grad_(True)
    run._encoded = EncodedRecordings(run.model)
    for _ in range(2):
        assert run.losses(recordings)[1] == pytest.approx(first, rel=1e-5)
    assert hears.call_count == 17


def test_training_lowers_the_losses(material, tmp_path):
    whole = {"hidden": 16, "stack": 8, "train": ["adapter", "encoder", "lm"]}
    run = trainer(material, tmp_path, steps=60, learning_rate=0.02, model=whole)
    first = run.losses(run.batch(0))[1]
    for _ in range(25):
        run.step()
    last = run.losses(run.batch(0))[1]
    assert last["cross_entropy"] < 0.7 * first["cross_entropy"]
    assert last["matching"] < first["matching"]


def test_the_programs(material, tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text(json.dumps(SETTINGS | {"steps": 2}))
    folders = ["--encoder", material / "encoder", "--lm", material / "lm"]
    files = [config, material / "train.jsonl", material / "dev.jsonl", tmp_path / "out"]
    arguments = [str(x) for x in [*files, *folders]]
    result = CliRunner().invoke(train_speech_llm.main, arguments)
    assert result.exit_code == 0, result.output
    for batch in "1", "4":
        result = CliRunner().invoke(
            transcribe.main,
            [str(tmp_path / "out" / "model"), str(material / "train.jsonl"),
             str(material / "dev.jsonl"), str(tmp_path), "--suffix", f".{batch}", "--beams", "2",
             "--most-tokens", "3", "--support", "0", "--device", "cpu", "--batch", batch],
        )  # fmt: skip
        assert result.exit_code == 0, result.output
    found = [(tmp_path / f"train.{batch}.jsonl").read_text() for batch in "14"]
    assert found[0] == found[1]
    lines = [json.loads(line) for line in found[0].splitlines()]
    assert [line["reference"] for line in lines] == [
        "the cat", "a dog", "cat", "the dog sat", "", "",
    ]  # fmt: skip
    assert all(len(line["hypothesis"].split()) <= 3 for line in lines)
    assert len((tmp_path / "dev.1.jsonl").read_text().splitlines()) == 2
    # What is transcribed is not transcribed again.
    (tmp_path / "dev.1.jsonl").write_text("kept")
    again = [str(tmp_path / "out" / "model"), str(material / "dev.jsonl"), str(tmp_path)]
    assert CliRunner().invoke(transcribe.main, [*again, "--suffix", ".1"]).exit_code == 0
    assert (tmp_path / "dev.1.jsonl").read_text() == "kept"


def test_batches_of_a_pool_have_similar_durations(material, tmp_path):
    """In two epochs, each recording comes twice, whatever is drawn together."""
    runs = {k: trainer(material, tmp_path, batch=2, nonspeech=0.0, pool=k) for k in (1, 2)}
    batches = {k: [run.batch(step) for step in range(4)] for k, run in runs.items()}
    for k, some in batches.items():
        assert sorted(str(r.audio) for batch in some for r in batch) == sorted(
            2 * [str(r.audio) for r in runs[k].speech]
        )
    # Files are longer in the order of their names.
    assert {tuple(int(r.audio.stem) for r in batch) for batch in batches[2]} == {(0, 1), (2, 3)}
    assert batches[2] == [runs[2].batch(step) for step in range(4)]


def test_a_model_of_the_tokens_of_its_training(material, tmp_path):
    run = trainer(material, tmp_path, tokens="train")
    run.step()
    # Of the tests' words, `saw` is in no transcript: <s>, </s>, <unk>, and five others.
    assert len(run.model.config.tokens) == 8
    assert run.evaluate()["cross_entropy"] > 0
    wider = trainer(material, tmp_path / "wider", tokens="train", texts=["the cat saw"])
    assert len(wider.model.config.tokens) == 9
    with pytest.raises(InputError, match="--text: expected tokens: train"):
        trainer(material, tmp_path, texts=["the cat saw"])
    with pytest.raises(InputError, match="tokens: expected 'all' or 'train', got 'dev'"):
        trainer(material, tmp_path, tokens="dev")


def test_what_is_refused(material, tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("steps: 3\ngamma: 1\n")
    with pytest.raises(InputError, match=r"unknown key 'gamma'; expected steps, .*batch"):
        train_speech_llm.read_training(config)
    config.write_text("steps: 3\nmodel: {width: 3}\n")
    with pytest.raises(InputError, match=r"c\.yaml: model: unknown key 'width'"):
        train_speech_llm.read_training(config)
    config.write_text("batch: 3\n")
    with pytest.raises(InputError, match="expected a value for steps"):
        train_speech_llm.read_training(config)
    manifest = tmp_path / "m.jsonl"
    with pytest.raises(InputError, match=r"m\.jsonl: No such file"):
        read_manifest(manifest)
    manifest.write_text("")
    with pytest.raises(InputError, match=r"m\.jsonl: has no recordings"):
        read_manifest(manifest)
    manifest.write_text('{"audio_filepath": "x.wav"}\n')
    with pytest.raises(InputError, match=r"m\.jsonl:1: expected an object with audio_filepath"):
        read_manifest(manifest)
    recordings = read_manifest(material / "train.jsonl")
    models = {"encoder": material / "encoder", "lm": material / "lm"}
    training = train_speech_llm.Training(steps=1, nonspeech=0.5)
    with pytest.raises(InputError, match="nonspeech: no recording of train has an empty"):
        train_speech_llm.SpeechLlmTrainer(
            training, recordings[:4], recordings[:4], tmp_path, **models
        )
    training = train_speech_llm.Training(steps=1, ctc=0.5)
    whisper = tiny_models.whisper(tmp_path / "whisper")
    with pytest.raises(InputError, match="ctc: the encoder has no CTC layer"):
        train_speech_llm.SpeechLlmTrainer(
            training, recordings, recordings, tmp_path, **models | {"encoder": whisper}
        )


def test_first_steps_train_the_adapter_alone(material, tmp_path):
    changes = {"model": {"hidden": 16, "stack": 8}, "nonspeech": 0.0, "ctc": 0.0}
    found = trainer(material, tmp_path, adapter_steps=2, best_alignment=0.5, **changes)
    before = {name: value.clone() for name, value in found.trained.items()}
    assert found.evaluate() == {}
    for _ in range(2):
        assert found.step().keys() == {"matching", "best_alignment", "norm", "rate"}
    for name, value in found.trained.items():
        assert torch.equal(value, before[name]) == ("lora" in name), name
    assert "cross_entropy" in found.step()
    assert found.criterion in found.evaluate()
    with pytest.raises(InputError, match="adapter_steps: expected matching or best_alignment"):
        trainer(material, tmp_path, adapter_steps=2, matching=0.0)


def test_the_matching_loss_in_the_first_steps_only(material, tmp_path):
    changes = {"model": {"hidden": 16, "stack": 8}, "nonspeech": 0.0, "ctc": 0.0}
    found = trainer(material, tmp_path, adapter_steps=1, matched_steps=2, **changes)
    known = [found.step().keys() - {"norm", "rate"} for _ in range(3)]
    assert known == [{"matching"}, {"matching", "cross_entropy"}, {"cross_entropy"}]
    with pytest.raises(InputError, match="matched_steps: expected at least the 2 of adapter_steps"):
        trainer(material, tmp_path, adapter_steps=2, matched_steps=1)


def test_a_model_is_trained_further(material, tmp_path):
    changes = {"model": {"hidden": 16, "stack": 8}, "ctc": 0.0}
    first = trainer(material, tmp_path / "a", tokens="train", texts=["saw"], **changes)
    first.run()
    model = tmp_path / "a" / "model"
    second = trainer(material, tmp_path / "b", initial=model, **changes)
    assert second.model.config.tokens == first.model.config.tokens
    for name, value in first.trained.items():
        assert torch.equal(second.trained[name], value), name
    second.step()
    second.save()
    trainer(material, tmp_path / "b", initial=model, **changes).resume()
    with pytest.raises(InputError, match="began from another model"):
        trainer(material, tmp_path / "b", **changes).resume()
    with pytest.raises(InputError, match="expected a model of SpeechLlmConfig"):
        trainer(material, tmp_path / "c", initial=model, ctc=0.0, model={"hidden": 32})
    with pytest.raises(InputError, match=r"--text: .* no --init, whose model has its tokens"):
        trainer(material, tmp_path / "c", initial=model, texts=["saw"], tokens="train", **changes)


def test_states_of_a_store(material, tmp_path):
    """They are what the encoder would say; those of another encoder or layer are refused."""
    encoder = tiny_models.whisper(tmp_path / "whisper")
    tiny_models.card(encoder)
    for name, layer in (("last", "2"), ("first", "1")):
        done = CliRunner().invoke(
            encode_states.main,
            [str(material / "dev.jsonl"), str(tmp_path / name), "--encoder", str(encoder),
             "--layer", layer],
        )  # fmt: skip
        assert done.exit_code == 0, done.output
    model = {"hidden": 16, "stack": 8}

    def run(store, encoder=encoder, **changes):
        def opened(model):
            return StoredRecordings(model, encoder, store, [material / "dev.jsonl"])

        return trainer(material, tmp_path, encoder=encoder, states=opened, ctc=0.0,
                       nonspeech=0.0, model=model, **changes)  # fmt: skip

    found = run(tmp_path / "last")
    recordings = read_manifest(material / "dev.jsonl")
    stored, made = found._encoded(recordings), EncodedRecordings(found.model)(recordings)
    assert torch.equal(stored.lengths, made.lengths)
    torch.testing.assert_close(stored.states, made.states, rtol=2e-3, atol=2e-3)
    with pytest.raises(InputError, match=r"layer 2, has hash .* encode the corpus again"):
        run(tmp_path / "first")
    other = tiny_models.wav2vec2(tmp_path / "other")
    with pytest.raises(InputError, match=r"holds states of .*whisper, hash .*other, layer"):
        run(tmp_path / "last", encoder=other)
    model["train"] = ["adapter", "encoder.lora"]
    with pytest.raises(InputError, match="states of a frozen encoder, but the settings train it"):
        run(tmp_path / "last")
