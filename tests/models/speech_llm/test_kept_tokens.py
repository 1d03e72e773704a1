"""Scores of the tokens that count, of all tokens of a language model or of those that are kept."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")
transformers = pytest.importorskip("transformers", reason="needs transformers")
pytest.importorskip("peft", reason="needs peft")

from small_llm import language_model, letter_encoder  # noqa: E402

from speechalign.errors import InputError  # noqa: E402
from speechalign.models.speech_llm.config import SpeechLlmConfig  # noqa: E402
from speechalign.models.speech_llm.decoding import Decoding  # noqa: E402
from speechalign.models.speech_llm.folder import join, load, save  # noqa: E402
from speechalign.models.speech_llm.kept_tokens import KeptTokens, tokens_of  # noqa: E402

TEXTS = ["the cat sat", "the dog saw the cat"]


@pytest.fixture(scope="module", params=["tied", "untied", "bias"])
def parts(request, tmp_path_factory):
    """An encoder, and a language model of pairs of letters: `the`, `ca`, `t` and so on."""
    folder = tmp_path_factory.mktemp(request.param)
    letter_encoder(folder / "encoder")
    language_model(folder / "lm")  # replaced below, but for the names of its files
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    pieces = trainers.BpeTrainer(vocab_size=60, special_tokens=["<s>", "</s>", "<unk>"])
    tokenizer.train_from_iterator([*TEXTS, "a hat has a tag", "such a cow does go"] * 3, pieces)
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    common = {"vocab_size": len(fast), "bos_token_id": 0, "eos_token_id": 1}
    torch.manual_seed(1)
    if request.param == "bias":
        network = transformers.PhiForCausalLM(
            transformers.PhiConfig(
                hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
                **common,
            )
        )  # fmt: skip
        torch.nn.init.normal_(network.lm_head.bias)
    else:
        network = transformers.LlamaForCausalLM(
            transformers.LlamaConfig(
                hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
                tie_word_embeddings=request.param == "tied", **common,
            )
        )  # fmt: skip
    network.save_pretrained(folder / "lm")
    fast.save_pretrained(folder / "lm")
    return folder


def joined(parts, texts=(), **options):
    torch.manual_seed(0)
    config = SpeechLlmConfig(**{"hidden": 16, "stack": 4, **options})
    return join(parts / "encoder", parts / "lm", config, texts=texts).eval()


def batch(model, texts):
    rng = np.random.default_rng(0)
    lengths = torch.tensor([9000, 12000, 7000][: len(texts)])
    waveforms = torch.from_numpy(rng.normal(size=(len(texts), 12000)).astype(np.float32)) / 10
    tokens = [torch.tensor(model.tokens(text), dtype=torch.int64) for text in texts]
    targets = torch.nn.utils.rnn.pad_sequence(tokens, batch_first=True)
    return model.encode(waveforms, lengths), targets, torch.tensor([len(x) for x in tokens])


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    assert any(n.startswith("lm.") for n in found)
    assert any(n.startswith("adapter.") for n in found)
    return found


def by_definition(model, encoded, targets, counts, kept):
    """Return log-probabilities, (B, M + 1), from all scores, one recording after the other."""
    adapted, embed = model.adapt(encoded), model.lm.get_input_embeddings()
    found = torch.zeros(len(targets), targets.shape[1] + 1)
    for b, m in enumerate(counts.tolist()):
        told = embed(torch.tensor([*model._prompt, *targets[b, :m].tolist()]))
        rows = torch.cat([adapted.rows[b, : adapted.lengths[b]], told])
        scores = model.lm(inputs_embeds=rows[None]).logits[0, len(rows) - m - 1 :]
        wanted = torch.tensor([*targets[b, :m].tolist(), model.end])
        others = torch.ones(scores.shape[1], dtype=torch.bool)
        others[kept] = False
        log_probs = scores.masked_fill(others, -torch.inf).log_softmax(-1)
        found[b, : m + 1] = log_probs[torch.arange(m + 1), wanted]
    return found


def test_scores_are_those_of_all_rows(parts):
    """Only rows that count are scored, which changes neither values nor gradients."""
    model = joined(parts)
    encoded, targets, counts = batch(model, [*TEXTS, ""])
    found = model.read(encoded, targets, counts)
    wanted = by_definition(model, encoded, targets, counts, slice(None))
    torch.testing.assert_close(found.log_probs, wanted)
    torch.testing.assert_close(found.cross_entropy, -wanted.sum(1) / (counts + 1))
    encoded = batch(model, [*TEXTS, ""])[0]
    expected = gradients(model, (wanted.sum(1) / (counts + 1)).sum())
    computed = gradients(model, -found.cross_entropy.sum())
    assert computed.keys() == expected.keys()
    for name, value in computed.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-6)
    # The language model scores every row again.
    rows = torch.zeros(1, 5, 16)
    assert model.lm(inputs_embeds=rows).logits.shape[:2] == (1, 5)


def test_kept_tokens_are_scored_as_if_there_were_no_others(parts):
    whole, model = joined(parts), joined(parts, TEXTS)
    kept = torch.tensor(model.config.tokens)
    assert 10 < len(kept) < len(whole.lm.get_input_embeddings().weight)
    with torch.no_grad():  # The adapter starts at the size of the embeddings, of all or of these.
        for name, value in whole.adapter.named_parameters():
            model.adapter.get_parameter(name).copy_(value)
    encoded, targets, counts = batch(model, TEXTS)
    found = model.read(encoded, targets, counts)
    same, old_targets, old_counts = batch(whole, TEXTS)
    assert torch.equal(old_counts, counts)
    inside = torch.arange(targets.shape[1]) < counts[:, None]
    assert torch.equal(kept[targets][inside], old_targets[inside])
    wanted = by_definition(whole, same, old_targets, counts, kept)
    torch.testing.assert_close(found.log_probs, wanted)
    expected = gradients(whole, wanted.sum())
    computed = gradients(model, found.log_probs.sum())
    assert computed.keys() == expected.keys()
    for name, value in computed.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-6)


def test_other_words_are_spelled(parts):
    tokenizer = transformers.AutoTokenizer.from_pretrained(parts / "lm")
    tokens = tokens_of(tokenizer, TEXTS)
    kept = KeptTokens(tokenizer, tokens)
    for text in TEXTS:
        numbers = [number for number, _, _ in kept.cut(text)]
        wanted = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert [tokens[n] for n in numbers] == wanted
        assert kept.texts([numbers]) == [text]
    # A word of other tokens, whose letters are kept.
    text = "the hat has the saw"
    lost = set(tokenizer(text, add_special_tokens=False)["input_ids"]) - set(tokens)
    assert lost
    cut = kept.cut(text)
    assert kept.texts([[number for number, _, _ in cut]]) == [text]
    assert [start for _, start, _ in cut] == sorted(start for _, start, _ in cut)
    for number, start, end in cut:
        piece = tokenizer.convert_ids_to_tokens(tokens[number])
        assert text[start:end].strip() == piece.replace("▁", "")
    # A word with a letter that is not.
    (number, start, end) = kept.cut("m")[-1]
    assert (tokens[number], start, end) == (tokenizer.unk_token_id, 0, 1)


@pytest.mark.parametrize("decoding", [Decoding(most_tokens=8), Decoding(beams=3, most_tokens=8)])
def test_a_saved_model_keeps_the_same(parts, tmp_path, decoding):
    model = joined(parts, TEXTS)
    encoded, targets, counts = batch(model, TEXTS)
    written = model.write(encoded, decoding)
    letters = set("".join(TEXTS))
    assert all(set(text.replace("<unk>", "")) <= letters for text in written)
    save(model, tmp_path / "model", encoder=parts / "encoder", lm=parts / "lm")
    again = load(tmp_path / "model", device="cpu")
    assert again.config.tokens == model.config.tokens
    assert again.content_hash == model.content_hash
    torch.testing.assert_close(
        again.read(encoded, targets, counts).log_probs,
        model.read(encoded, targets, counts).log_probs,
    )
    assert again.write(encoded, decoding) == written
    assert len(again.lm.get_input_embeddings().weight) == len(model.config.tokens)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ("12", "expected a list of numbers"),
        ([3, 2], "different numbers"),
        ([2, 2], "different numbers"),
        ([-1, 2], "different numbers"),
        ([0.5], "different numbers"),
        ([0, 1, 2, 10**6], "tokens: the tokenizer has .* got 1000000"),
        ([0, 2, 5], "expected </s> among them"),
    ],
)
def test_lists_of_tokens_that_cannot_be(parts, tmp_path, tokens, message):
    model = joined(parts, TEXTS)
    save(model, tmp_path / "model", encoder=parts / "encoder", lm=parts / "lm")
    path = tmp_path / "model" / "model.json"
    data = json.loads(path.read_text())
    data["config"]["tokens"] = tokens
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match=message):
        load(tmp_path / "model", device="cpu")
