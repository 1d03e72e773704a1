"""A language model that listens, of real classes of transformers and peft in small."""

import json
import math
import shutil

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

torch = pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("transformers", reason="needs transformers")
pytest.importorskip("peft", reason="needs peft")

import tiny_models  # noqa: E402
from small_llm import language_model, letter_encoder  # noqa: E402

import speechalign  # noqa: E402
from speechalign.cli.main import cli  # noqa: E402
from speechalign.errors import InputError  # noqa: E402
from speechalign.losses import ctc_loss, matching_loss  # noqa: E402
from speechalign.models import load_model  # noqa: E402
from speechalign.models.speech_llm.config import SpeechLlmConfig  # noqa: E402
from speechalign.models.speech_llm.decoding import Decoding  # noqa: E402
from speechalign.models.speech_llm.encoders import load_encoder  # noqa: E402
from speechalign.models.speech_llm.folder import join, load, save  # noqa: E402

SMALL = {"hidden": 16, "stack": 4}


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    return {
        "encoder": letter_encoder(folder / "encoder"),
        "lm": language_model(folder / "lm"),
        "gpt2": language_model(folder / "gpt2", "gpt2"),
        "wav2vec2": tiny_models.wav2vec2(folder / "wav2vec2"),
        "hubert": tiny_models.hubert(folder / "hubert"),
        "wavlm": tiny_models.wavlm(folder / "wavlm"),
        "whisper": tiny_models.whisper(folder / "whisper"),
    }


def joined(parts, encoder="encoder", lm="lm", **options):
    torch.manual_seed(0)
    return join(parts[encoder], parts[lm], SpeechLlmConfig(**{**SMALL, **options}))


def noise(seconds, seed=0):
    drawn = np.random.default_rng(seed).normal(size=int(16000 * seconds))
    return (0.1 * drawn).astype(np.float32)


def batch():
    """Three recordings; transcripts of 3, 1 and no words, padded with what is no token."""
    rows = [noise(0.7, 0), noise(0.5, 1), noise(0.3, 2)]
    waveforms = torch.full((3, max(map(len, rows))), math.nan)
    for b, row in enumerate(rows):
        waveforms[b, : len(row)] = torch.from_numpy(row)
    lengths = torch.tensor([len(row) for row in rows])
    targets = torch.tensor([[3, 4, 5], [7, 99, 99], [99, 99, 99]])
    return waveforms, lengths, targets, torch.tensor([3, 1, 0])


@pytest.mark.parametrize("compress", ["none", "even", "probability"])
@pytest.mark.parametrize("lm", ["lm", "gpt2"])
def test_batch_is_its_singles(parts, compress, lm):
    model = joined(parts, lm=lm, compress=compress, stack=2).eval()
    waveforms, lengths, targets, target_lengths = batch()
    found = model(waveforms, lengths, targets, target_lengths)
    assert found.cross_entropy.isfinite().all()
    for b in range(3):
        alone = model(
            waveforms[b : b + 1, : lengths[b]], lengths[b : b + 1],
            targets[b : b + 1, : target_lengths[b]], target_lengths[b : b + 1],
        )  # fmt: skip
        torch.testing.assert_close(alone.cross_entropy[0], found.cross_entropy[b])
        n = int(found.speech_lengths[b])
        assert alone.speech_lengths[0] == n
        torch.testing.assert_close(alone.speech[0, :n], found.speech[b, :n])
        spans = found.adapted.spans[b, :n]
        assert torch.equal(alone.adapted.spans[0, :n], spans)
        # Every frame is of one row.
        assert spans[0, 0] == 0
        assert spans[-1, 1] == found.encoded.lengths[b]
        assert torch.equal(spans[1:, 0], spans[:-1, 1])


def test_an_empty_transcript_teaches_to_stop(parts):
    model = joined(parts, train=("adapter", "lm"))
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 0.02)
    waveforms, lengths, *_ = batch()
    nothing = torch.zeros(3, 0, dtype=torch.int64), torch.zeros(3, dtype=torch.int64)
    for _ in range(25):
        found = model(waveforms, lengths, *nothing)
        loss = found.cross_entropy.mean() + matching_loss(
            found.speech, found.text, found.speech_lengths, nothing[1]
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
    assert model.eval().transcribe(noise(0.7)) == ""


def test_all_losses_reach_what_is_trained(parts):
    model = joined(parts, train=("adapter", "encoder[-1:]", "lm.lora"))
    waveforms, lengths, targets, target_lengths = batch()
    found = model(waveforms, lengths, targets, target_lengths)
    total = found.cross_entropy.mean() + matching_loss(
        found.speech, found.text.detach(), found.speech_lengths, target_lengths
    )
    spelled = torch.tensor([[4], [5], [6]])
    total = total + ctc_loss(
        found.encoded.log_probs, spelled, found.encoded.lengths, torch.ones(3).long(), blank=0
    )
    total.backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
        else:
            assert parameter.grad is None, name


@pytest.mark.parametrize(
    ("train", "wanted"),
    [
        (["adapter"], {"adapter"}),
        (["adapter", "lm.lora"], {"adapter", "lm:lora"}),
        (["encoder[-1:]"], {"encoder:1"}),
        (["encoder.lora", "lm[-1:]"], {"encoder:lora", "lm:1"}),
        (["lm", "lm.lora"], {"lm", "lm:lora"}),
    ],
)
def test_what_is_trained_is_one_setting(parts, train, wanted):
    model = joined(parts, train=tuple(train))
    found = set()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            whole, *rest = name.split(".")
            if "lora_A" in rest or "lora_B" in rest:
                found.add(f"{whole}:lora")
            elif whole != "adapter" and not any(t == whole for t in train):
                assert {"layers", "blocks"} & set(rest)
                found.add(f"{whole}:{rest[rest.index('1')]}")
            else:
                found.add(whole)
    assert found == wanted


@pytest.mark.parametrize("encoder", ["wav2vec2", "hubert", "wavlm", "whisper"])
def test_encoders_of_hugging_face(parts, encoder):
    model = joined(parts, encoder=encoder, train=("adapter", "encoder.lora")).eval()
    waveforms, lengths, targets, target_lengths = batch()
    found = model(waveforms, lengths, targets, target_lengths)
    assert found.cross_entropy.isfinite().all()
    assert (found.encoded.log_probs is None) == (encoder in ("wavlm", "whisper"))
    frames = found.encoded.lengths.tolist()
    assert frames == ([35, 25, 15] if encoder == "whisper" else [34, 24, 14])
    text = model.transcribe(noise(0.4), most_tokens=4)
    assert len(text.split()) <= 4
    samples, lengths = noise(0.4)[None], np.array([6400])
    if encoder == "whisper":
        with pytest.raises(InputError, match=r"support: .*an encoder without a CTC layer of char"):
            model.transcribe(noise(0.4), support=0.0)
        with pytest.raises(InputError, match=r"hears 30 s at once, the recording lasts 31\.0 s"):
            model.transcribe(noise(31))
        with pytest.raises(InputError, match="compress: CTC length compression needs an encoder"):
            joined(parts, encoder=encoder, compress="even").transcribe(noise(0.4))
    if found.encoded.log_probs is None:
        assert model.aligner == "attention"
        assert model.attend(noise(0.4), ["the", "cat"], language="en").weights.shape[0] == 3
        with pytest.raises(InputError, match="has an encoder without a CTC layer; use `attend`"):
            model.emit(samples, lengths)
    else:
        assert model.aligner == "ctc"
        emissions = model.emit(samples, lengths)
        np.testing.assert_allclose(np.exp(emissions[0]).sum(1), 1, rtol=1e-5)
        assert emissions.vocabulary == model.vocabulary


def test_decoding_options(parts):
    model = joined(parts).eval()
    plain = model.transcribe(noise(0.5), most_tokens=12).split()
    unlike = model.transcribe(noise(0.5), most_tokens=12, no_repeat=1).split()
    assert len(set(unlike)) == len(unlike)
    assert len(plain) > len(unlike) or plain == unlike
    long, short = (
        model.transcribe(noise(0.5), most_tokens=12, beams=4, length_penalty=penalty).split()
        for penalty in (5.0, -5.0)
    )
    assert len(short) < len(long)
    assert model.transcribe(noise(0.5), most_tokens=12, support=1e9) == ""
    everything = model.transcribe(noise(0.5), most_tokens=12, support=-1e9)
    assert everything.split() == plain


@pytest.mark.parametrize("options", [{"no_repeat": 1}, {"beams": 3, "support": -300.0}])
def test_a_batch_is_written_down_as_its_recordings_are(parts, options):
    model = joined(parts).eval()
    with torch.no_grad():  # so that what is written depends on what is heard
        for value in model.lm.parameters():
            value.mul_(10)
    rows = [noise(seconds, seed) for seed, seconds in enumerate((0.9, 0.2, 0.5))]
    alone = [model.transcribe(row, most_tokens=9, **options) for row in rows]
    assert len(set(alone)) > 1
    padded = torch.full((3, max(map(len, rows))), math.nan)
    for row, samples in zip(padded, rows):
        row[: len(samples)] = torch.from_numpy(samples)
    encoded = model.encode(padded, torch.tensor([len(row) for row in rows]))
    assert model.write(encoded, Decoding(most_tokens=9, **options)) == alone


def test_save_and_load(parts, tmp_path):
    model = joined(parts, train=("adapter", "lm.lora", "encoder[-1:]"), prompt="the cat").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.normal_(std=0.1)
    save(model, tmp_path / "m", encoder=parts["encoder"], lm=parts["lm"])
    size = (tmp_path / "m" / "adapters.safetensors").stat().st_size
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert size < 4 * trained + 10000
    again = load_model(tmp_path / "m", device="cpu")
    arguments = batch()
    torch.testing.assert_close(
        again(*arguments).cross_entropy, model(*arguments).cross_entropy, rtol=0, atol=0
    )
    assert again.config == model.config
    assert again.describe()["language model"] == "LlamaForCausalLM"
    # The folders may move together.
    shutil.copytree(tmp_path, tmp_path.parent / "elsewhere")
    told = json.loads((tmp_path / "m" / "model.json").read_text())
    assert not told["lm"].startswith("/")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f["m"] / "adapters.safetensors").unlink(), r"adapters.safetensors: damaged or"),
        (lambda f: (f["m"] / "model.json").write_text("{"), "model.json: not the description"),
        (lambda f: (f["lm"] / "tokenizer.json").unlink(), "tokenizer.json: there is no such file"),
        (lambda f: (f["lm"] / "config.json").unlink(), "config.json: there is no such file"),
        (lambda f: (f["lm"] / "model.safetensors").unlink(), "lm: has no model.safetensors; copy"),
        (lambda f: (f["encoder"] / "model.safetensors").unlink(), "damaged or missing"),
        (lambda f: shutil.rmtree(f["encoder"]), "encoder: there is no such folder; name one"),
        (lambda f: (f["encoder"] / "model.json").unlink(), "encoder: expected an encoder of speec"),
    ],
)
def test_missing_files(parts, tmp_path, spoil, message):
    folders = {name: tmp_path / name for name in ("m", "lm", "encoder")}
    for name in ("lm", "encoder"):
        shutil.copytree(parts[name], folders[name])
    model = joined(folders)
    save(model, folders["m"], encoder=folders["encoder"], lm=folders["lm"])
    load(folders["m"], device="cpu")
    spoil(folders)
    with pytest.raises(InputError, match=message):
        load(folders["m"], device="cpu")


def test_weights_of_another_model(parts, tmp_path):
    save(joined(parts), tmp_path / "a", encoder=parts["encoder"], lm=parts["lm"])
    save(joined(parts, hidden=8), tmp_path / "b", encoder=parts["encoder"], lm=parts["lm"])
    shutil.copy(tmp_path / "b" / "adapters.safetensors", tmp_path / "a")
    with pytest.raises(InputError, match="does not fit the models that"):
        load(tmp_path / "a", device="cpu")


def test_settings_are_checked(parts):
    with pytest.raises(InputError, match=r"train: expected adapter, encoder.* got 'decoder'"):
        joined(parts, train=("decoder",))
    with pytest.raises(InputError, match=r"train: lm\[-3:\]: expected 1 to 2 blocks, got 3"):
        joined(parts, train=("lm[-3:]",))
    with pytest.raises(InputError, match=r"x.json: unknown key 'lora'; expected hidden, stack"):
        SpeechLlmConfig.from_keywords({"lora": 3}, source="x.json")
    with pytest.raises(InputError, match=r"x.json: train: expected a list of parts, got 'adapter'"):
        SpeechLlmConfig.from_keywords({"train": "adapter"}, source="x.json")
    with pytest.raises(InputError, match="stack: expected an integer from 1 on, got 0"):
        SpeechLlmConfig(stack=0)
    with pytest.raises(InputError, match="compress: expected 'none', 'even' or"):
        SpeechLlmConfig(compress="mean")
    with pytest.raises(InputError, match="no samples"):
        joined(parts).transcribe(np.zeros(0, np.float32))
    with pytest.raises(InputError, match="expected an encoder of speech, one of"):
        load_encoder(parts["lm"])


@pytest.mark.parametrize("compress", ["none", "even"])
def test_word_times_come_out_of_it(parts, tmp_path, compress):
    """A TextGrid, by the matching map where the encoder has no letters, or by its letters."""
    model = joined(parts, compress=compress, stack=1).eval()
    assert model.aligner == "ctc"
    attention = model.attend(noise(0.7), ["the", "cat", "sat"], language="en")
    assert attention.weights.shape == (4, 35)
    assert (attention.weights < 0).all()
    assert [len(pieces) for pieces in attention.tokens] == [1, 1, 1]
    assert attention.tokens[1][0].label == 4
    assert (attention.log_probs < 0).all()
    save(model, tmp_path / "m", encoder=parts["encoder"], lm=parts["lm"])
    soundfile.write(tmp_path / "x.wav", noise(0.7), 16000)
    loaded = load(tmp_path / "m", device="cpu")
    for aligner, unit in (("ctc", "characters"), ("attention", "tokens")):
        loaded.aligner = aligner
        found = speechalign.align(tmp_path / "x.wav", "the cat sat", model=loaded).alignment
        assert [interval.label for interval in found.tiers["words"]] == ["the", "cat", "sat"]
        assert unit in found.tiers
        speechalign.write_alignment(found, tmp_path / "x.TextGrid")
        assert "cat" in (tmp_path / "x.TextGrid").read_text()


def test_the_command_aligns_real_speech_with_it(parts, examples, tmp_path):
    (tmp_path / "corpus").mkdir()
    for suffix in (".flac", ".lab"):
        shutil.copy(examples / f"slt/tea{suffix}", tmp_path / "corpus")
    save(joined(parts), tmp_path / "m", encoder=parts["encoder"], lm=parts["lm"])
    arguments = ["align", tmp_path / "corpus", tmp_path / "m", tmp_path / "out"]
    result = CliRunner().invoke(cli, [*map(str, arguments)])
    assert result.exit_code == 0, result.stderr
    (grid,) = (tmp_path / "out").rglob("tea.TextGrid")
    words = speechalign.read_alignment(grid).tiers["words"]
    assert len([word for word in words if word.label]) == 11


def test_the_matching_map_finds_speech_that_is_the_text(parts, monkeypatch, tmp_path):
    """Rows that are the words' embeddings are where the words are, each word said twice too."""
    model = joined(parts, stack=2).eval()
    model.aligner = "attention"
    embeddings = model.lm.get_input_embeddings().weight.detach()
    adapted = model.adapt(model.encode(torch.from_numpy(noise(0.4))[None], torch.tensor([6400])))
    rows = embeddings[torch.tensor([3, 3, 3, 4, 4, 3, 3, 8, 8, 8])][None]
    said = type(adapted)(rows, adapted.lengths, adapted.spans)
    monkeypatch.setattr(model, "adapt", lambda _: said)
    soundfile.write(tmp_path / "x.wav", noise(0.4), 16000)
    found = speechalign.align(tmp_path / "x.wav", "the cat the a", model=model).alignment
    starts = [round(interval.start, 2) for interval in found.tiers["words"]]
    assert starts == [0.0, 0.12, 0.2, 0.28]
    assert found.tiers["words"][-1].end >= 0.36
