"""Cross-attention of real classes, with small random weights, saved and loaded by path."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")
transformers = pytest.importorskip("transformers", reason="needs transformers")

from speechalign.contributions import (  # noqa: E402
    cross_attention,
    frame_grid,
    load_speech_to_text,
    time_units,
    token_units,
    word_map,
)
from speechalign.errors import InputError  # noqa: E402
from speechalign.links import TimedWord  # noqa: E402

torch.set_num_threads(1)

SMALL = {"vocab_size": 40, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
         "decoder_start_token_id": 2}  # fmt: skip
BART = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 2, "encoder_attention_heads": 2,
        "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}  # fmt: skip
SEAMLESS = {
    "hidden_size": 16, "speech_encoder_layers": 1, "speech_encoder_attention_heads": 2,
    "speech_encoder_intermediate_size": 16, "encoder_layers": 1, "decoder_layers": 2,
    "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "t2u_vocab_size": 20, "t2u_encoder_layers": 1,
    "t2u_decoder_layers": 1, "max_source_positions": 256,
}  # fmt: skip
SAMPLES = 16_000  # a second, of the two that the recordings are padded to
PROMPT, TARGET = [2, 5], [7, 8, 9]


def make(kind):
    """Return a small model of a class, the features of a recording, and its frames a second."""
    torch.manual_seed(0)
    noise = torch.randn(1, 200, 80)
    if kind == "whisper":
        config = transformers.WhisperConfig(
            **SMALL, **BART, num_mel_bins=8, max_source_positions=100, max_target_positions=20
        )
        model = transformers.WhisperForConditionalGeneration(config)
        return model, {"input_features": noise[:, :, :8].transpose(1, 2)}, 50
    if kind == "speech_to_text":
        config = transformers.Speech2TextConfig(
            **SMALL, **BART, max_source_positions=200, max_target_positions=20, conv_channels=16,
            input_feat_per_channel=80,
        )  # fmt: skip
        mask = torch.ones(1, 200, dtype=torch.int64)
        model = transformers.Speech2TextForConditionalGeneration(config)
        return model, {"input_features": noise, "attention_mask": mask}, 25
    features = {"input_features": noise.reshape(1, 100, 160),
                "attention_mask": torch.ones(1, 100, dtype=torch.int64)}  # fmt: skip
    if kind == "seamless_m4t":
        config = transformers.SeamlessM4TConfig(**SMALL, **SEAMLESS)
        return transformers.SeamlessM4TForSpeechToText(config), features, 6.25
    config = transformers.SeamlessM4Tv2Config(**SMALL, **SEAMLESS)
    return transformers.SeamlessM4Tv2ForSpeechToText(config), features, 6.25


KINDS = ["whisper", "speech_to_text", "seamless_m4t", "seamless_m4t_v2"]


@pytest.fixture(scope="module", params=KINDS)
def loaded(request, tmp_path_factory):
    """Return a model loaded from disk, its features, and its frames a second."""
    model, features, rate = make(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    # Random weights attend to everything alike; sharpen them so that frames differ.
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "q_proj.weight" in name or "k_proj.weight" in name:
                weight.mul_(40)
    model.save_pretrained(folder)
    return load_speech_to_text(folder), features, rate


def collect(loaded, **options):
    model, features, _ = loaded
    options = {"prompt_ids": PROMPT, "samples": SAMPLES, **options}
    return cross_attention(model, features, options.pop("target_ids", TARGET), **options)


@pytest.mark.parametrize("kind", ["weights", "norms"])
def test_rows_are_tokens_and_columns_the_frames_of_the_recording(loaded, kind):
    found = collect(loaded, kind=kind)
    frames = int(np.ceil(loaded[2]))
    assert found.values.shape == (2, 3, frames)
    assert found.values.dtype == np.float64
    assert found.grid.seconds(frames) == pytest.approx(frames / loaded[2])
    assert found.seconds == found.grid.seconds(frames)
    whole = collect(loaded, kind=kind, samples=10**9)
    np.testing.assert_allclose(whole.values.sum(axis=2), 1, atol=1e-6)
    np.testing.assert_array_equal(whole.values[:, :, :frames], found.values)
    assert (whole.values >= 0).all()
    assert whole.values.std(axis=2).max() > 0.001  # frames differ
    np.testing.assert_array_equal(found.mean(), found.values.mean(axis=0))
    np.testing.assert_array_equal(found.mean([1]), found.values[1])


def test_weights_are_those_that_the_model_reports(loaded):
    model, features, _ = loaded
    ids = torch.tensor([[*PROMPT, *TARGET]])
    with torch.no_grad():
        reported = model(**features, decoder_input_ids=ids, output_attentions=True).cross_attentions
    found = collect(loaded, samples=10**9).values
    for layer, expected in zip(found, reported):
        # The step that predicts the first target token reads the last of the prompt.
        np.testing.assert_allclose(layer, expected[0, :, 1:4].mean(dim=0), atol=1e-6)


def test_a_token_does_not_depend_on_itself_or_on_what_follows(loaded):
    a, b = collect(loaded).values, collect(loaded, target_ids=[7, 11, 12]).values
    np.testing.assert_allclose(a[:, :2], b[:, :2], atol=1e-6)
    assert np.abs(a[:, 2] - b[:, 2]).max() > 1e-6
    assert np.abs(a - collect(loaded, prompt_ids=[2, 6]).values).max() > 1e-6


def test_norms_against_the_definition(loaded):
    model = loaded[0]
    name = "cross_attention" if "seamless" in model.config.model_type else "encoder_attn"
    layer = [m for n, m in model.named_modules() if n.endswith(name)][1]
    kept = {}
    hooks = [
        layer.register_forward_hook(lambda _m, _i, out: kept.update(weights=out[1][0])),
        layer.v_proj.register_forward_hook(lambda _m, i, _o: kept.update(states=i[0][0])),
    ]
    found = collect(loaded, kind="norms", samples=10**9).values[1]
    for hook in hooks:
        hook.remove()
    states, weights = kept["states"], kept["weights"]
    width = layer.embed_dim // 2
    expected = np.zeros_like(found)
    with torch.no_grad():
        for u in range(3):
            for t in range(len(states)):
                total = torch.zeros(layer.embed_dim)
                for head in range(2):
                    part = slice(head * width, (head + 1) * width)
                    value = layer.v_proj.weight[part] @ states[t] + layer.v_proj.bias[part]
                    total += weights[head, 1 + u, t] * (layer.out_proj.weight[:, part] @ value)
                expected[u, t] = total.norm()
    np.testing.assert_allclose(found, expected / expected.sum(axis=1, keepdims=True), atol=1e-5)


def test_from_attention_to_links(loaded):
    found = collect(loaded)
    words = [TimedWord("a", 0.0, 0.4), TimedWord("b", 0.4, 1.0)]
    source = time_units(words, found.values.shape[2], found.seconds)
    target = token_units(["▁x", "y", "▁z"], 3, "sentencepiece")
    links = word_map(found.mean(), source=source, target=target).links()
    assert {j for _, j in links.sure} == {0, 1}


def test_the_model_is_left_as_it_was(loaded):
    before = [len(module._forward_hooks) for module in loaded[0].modules()]
    collect(loaded)
    assert [len(module._forward_hooks) for module in loaded[0].modules()] == before


def test_refuses(loaded, tmp_path):
    with pytest.raises(InputError, match="expected target tokens and a prompt, got 0 and 2"):
        collect(loaded, target_ids=[])
    with pytest.raises(InputError, match="got 3 and 0"):
        collect(loaded, prompt_ids=[])
    with pytest.raises(InputError, match="kind: expected 'weights' or 'norms', got 'sum'"):
        collect(loaded, kind="sum")
    with pytest.raises(InputError, match="got 1 and 0 samples"):
        collect(loaded, samples=0)
    two = {"input_features": torch.zeros(2, 200, 80)}
    with pytest.raises(InputError, match="expected one recording with samples, got 2"):
        cross_attention(loaded[0], two, TARGET, prompt_ids=PROMPT, samples=1)
    with pytest.raises(InputError, match="not a speech-to-text model"):
        load_speech_to_text(tmp_path)
    with pytest.raises(InputError, match=r"expected a model of type whisper, .*, got 'bart'"):
        frame_grid(transformers.BartConfig())


def test_a_model_that_hides_its_attention():
    model, features, _ = make("whisper")
    model.set_attn_implementation("sdpa")
    with pytest.raises(InputError, match="load it with attn_implementation='eager'"):
        cross_attention(model, features, TARGET, prompt_ids=PROMPT, samples=SAMPLES)
