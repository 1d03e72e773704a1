"""A small encoder with a CTC layer of letters, and a small causal language model, in folders."""

from __future__ import annotations

from pathlib import Path

WORDS = ["the", "cat", "dog", "saw", "sat", "a"]
LETTERS = ["<blank>", "|", "'", *"abcdefghijklmnopqrstuvwxyz"]


def language_model(folder: Path, family: str = "llama") -> Path:
    """Save a causal language model of one word a token, with random weights."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import (
        GPT2Config,
        GPT2LMHeadModel,
        LlamaConfig,
        LlamaForCausalLM,
        PreTrainedTokenizerFast,
    )

    pieces = ["<s>", "</s>", "<unk>", *(f"▁{word}" for word in WORDS)]
    tokenizer = Tokenizer(models.WordLevel({p: n for n, p in enumerate(pieces)}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    torch.manual_seed(1)
    if family == "llama":
        network = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(pieces), hidden_size=16, intermediate_size=32,
                num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=256,
                bos_token_id=0, eos_token_id=1,
            )
        )  # fmt: skip
    else:
        network = GPT2LMHeadModel(
            GPT2Config(vocab_size=len(pieces), n_embd=16, n_layer=2, n_head=2, n_positions=256,
                       bos_token_id=0, eos_token_id=1)
        )  # fmt: skip
    network.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def letter_encoder(folder: Path) -> Path:
    """Save a convolutional CTC model of letters, with random weights."""
    import torch

    from speechalign.models.ctc.conv_ctc import ConvCTC, ConvCTCConfig, ConvCTCNet
    from speechalign.vocabulary import Vocabulary

    torch.manual_seed(2)
    net = ConvCTCNet(
        ConvCTCConfig(mels=20, stem_channels=8, channels=12, blocks=2, kernel=3, dropout=0.0),
        len(LETTERS),
    )
    vocabulary = Vocabulary(LETTERS, blank="<blank>")
    ConvCTC(net, vocabulary, name="letters", language="en", licence="none").save(folder)
    return folder
