"""Language models of a speech LLM: GGUF files, scaled embeddings, half precision, placements."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("transformers", reason="needs transformers")
pytest.importorskip("peft", reason="needs peft")

from small_llm import WORDS, language_model, letter_encoder  # noqa: E402

from speechalign.errors import BackendError, InputError  # noqa: E402
from speechalign.models.speech_llm import gguf as reader  # noqa: E402
from speechalign.models.speech_llm.config import SpeechLlmConfig  # noqa: E402
from speechalign.models.speech_llm.folder import join, load, save  # noqa: E402

HIDDEN, HEADS, INNER = 32, 2, 64


def write_gguf(path, *, architecture="llama"):
    """Write a language model of one block, with random weights, and a tokenizer of letters."""
    gguf = pytest.importorskip("gguf", reason="needs gguf")
    tokens = ["<unk>", "<s>", "</s>", "▁", *"abcdefghijklmnopqrstuvwxyz"]
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(1)
    writer.add_context_length(256)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types([2, 3, 3, *[1] * (len(tokens) - 3)])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    rng = np.random.default_rng(0)
    shapes = {"token_embd": (len(tokens), HIDDEN), "output": (len(tokens), HIDDEN)}
    shapes |= {f"blk.0.attn_{x}": (HIDDEN, HIDDEN) for x in ("q", "k", "v", "output")}
    shapes |= {f"blk.0.ffn_{x}": (INNER, HIDDEN) for x in ("gate", "up")}
    shapes |= {"blk.0.ffn_down": (HIDDEN, INNER)}
    shapes |= {x: (HIDDEN,) for x in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm")}
    weights = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    for name, values in weights.items():
        writer.add_tensor(f"{name}.weight", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return weights


def config(**options):
    return SpeechLlmConfig(**{"hidden": 16, "stack": 4} | options)


def read(model, tokens):
    samples = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 8000)).astype(np.float32))
    text = torch.tensor([tokens]), torch.tensor([len(tokens)])
    return model(0.1 * samples, torch.tensor([8000]), *text)


def test_gguf(tmp_path):
    """Weights and tokens are those of the file; a saved model finds the file again."""
    weights = write_gguf(tmp_path / "lm.gguf")
    letter_encoder(tmp_path / "encoder")
    model = join(tmp_path / "encoder", tmp_path / "lm.gguf", config(train=("adapter",))).eval()
    found = model.lm.get_input_embeddings().weight.detach().numpy()
    np.testing.assert_array_equal(found, weights["token_embd"])
    assert len(model.tokens("cab")) in (3, 4)  # perhaps with a space before
    assert model.end == 2
    tokens = model.tokens("cab")
    wanted = read(model, tokens).cross_entropy
    save(model, tmp_path / "m", encoder=tmp_path / "encoder", lm=tmp_path / "lm.gguf")
    again = load(tmp_path / "m", device="cpu")
    assert not getattr(again.lm, "is_quantized", False)
    again.lm.save_pretrained(tmp_path / "folder")
    torch.testing.assert_close(read(again, tokens).cross_entropy, wanted)


def test_files_that_are_no_gguf(tmp_path, monkeypatch):
    path = tmp_path / "lm.gguf"
    with pytest.raises(InputError, match=r"lm.gguf: No such file.*name a GGUF file, or the folder"):
        reader.read_gguf(path)
    path.write_bytes(b"\x00" * 64)
    with pytest.raises(InputError, match=r"expected a GGUF file.*join its parts in order"):
        reader.read_gguf(path)
    path.write_bytes(b"GGUF" + b"\x07" * 60)
    monkeypatch.setattr(reader, "find_spec", lambda name: None if name == "gguf" else True)
    with pytest.raises(BackendError, match="needs gguf; pip install"):
        reader.read_gguf(path)


@pytest.mark.parametrize("damage", ["cut", "architecture"])
def test_gguf_that_transformers_cannot_read(tmp_path, damage):
    path = tmp_path / "lm.gguf"
    write_gguf(path, architecture="llama" if damage == "cut" else "unheard")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(InputError, match=r"lm.gguf: transformers cannot read this GGUF file"):
        reader.read_gguf(path)


def gemma(folder):
    """Save a model that scales its embeddings by the root of their width."""
    from transformers import AutoTokenizer, Gemma3ForCausalLM, Gemma3TextConfig

    language_model(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(0)
    Gemma3ForCausalLM(
        Gemma3TextConfig(
            vocab_size=3 + len(WORDS), hidden_size=64, intermediate_size=32, num_hidden_layers=3,
            num_attention_heads=2, num_key_value_heads=1, head_dim=8, max_position_embeddings=256,
            sliding_window=8, bos_token_id=0, eos_token_id=1, pad_token_id=1,
        )
    ).save_pretrained(folder)  # fmt: skip
    tokenizer.save_pretrained(folder)


def test_rows_are_as_large_as_embeddings(tmp_path):
    letter_encoder(tmp_path / "encoder")
    gemma(tmp_path / "lm")
    model = join(tmp_path / "encoder", tmp_path / "lm", config()).eval()
    found = read(model, [3, 4, 5, 6, 7])
    sizes = [rows.detach().square().mean().sqrt().item() for rows in (found.speech, found.text)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.2)
    # Short texts in a batch are read as they are alone, in spite of the sliding window.
    rows = torch.from_numpy(np.random.default_rng(1).normal(size=(2, 9000)).astype(np.float32))
    text, counts = torch.tensor([[3, 4, 5], [6, 0, 0]]), torch.tensor([3, 1])
    both = model(0.1 * rows, torch.tensor([9000, 4000]), text, counts).cross_entropy
    alone = model(0.1 * rows[1:, :4000], torch.tensor([4000]), text[1:, :1], counts[1:])
    torch.testing.assert_close(both[1], alone.cross_entropy[0])


def test_half_precision_of_what_is_not_trained(tmp_path):
    letter_encoder(tmp_path / "encoder")
    language_model(tmp_path / "lm")
    sources = tmp_path / "encoder", tmp_path / "lm"
    torch.manual_seed(0)
    whole = join(*sources, config()).eval()
    torch.manual_seed(0)
    model = join(*sources, config(lm_dtype="bfloat16")).eval()
    for name, weights in model.lm.named_parameters():
        assert (weights.dtype == torch.float32) == weights.requires_grad, name
    found = read(model, [3, 4]).cross_entropy
    assert found.item() == pytest.approx(read(whole, [3, 4]).cross_entropy.item(), rel=0.05)
    found.sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.requires_grad)
    with pytest.raises(InputError, match="lm_dtype: expected 'float32' or 'bfloat16', got 'half'"):
        config(lm_dtype="half")


@pytest.mark.parametrize(
    ("part", "wanted"),
    [("lm[:1]", {"0"}), ("lm.lora[-1:]", {"1"}), ("lm.lora[:1]", {"0"}), ("lm.lora", {"0", "1"})],
)
def test_placements(tmp_path, part, wanted):
    letter_encoder(tmp_path / "encoder")
    language_model(tmp_path / "lm")
    model = join(tmp_path / "encoder", tmp_path / "lm", config(train=(part,)))
    names = [n for n, p in model.named_parameters() if p.requires_grad]
    assert {name.split("layers.")[1].split(".")[0] for name in names} == wanted
    assert all("lora" in name for name in names) == ("lora" in part)


@pytest.mark.parametrize("part", ["lm[:3]", "lm.lora[-3:]"])
def test_more_blocks_than_there_are(tmp_path, part):
    letter_encoder(tmp_path / "encoder")
    language_model(tmp_path / "lm")
    with pytest.raises(InputError, match="expected 1 to 2 blocks, got 3"):
        join(tmp_path / "encoder", tmp_path / "lm", config(train=(part,)))
