"""Train a small tokenizer and language model on text, and a CTC encoder on a manifest.

    python local/01_make_models.py data/text.txt data/train.jsonl exp/1 --seed 1

OUT/lm is a Llama of two layers, trained on the text, a sentence in each line. OUT/encoder is a
convolutional CTC model of letters, trained on the speech, and on recordings without speech to
output blanks only. A model that exists is not trained again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn.utils.rnn import pad_sequence
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from recipes.program import run
from recipes.trainer.speech_manifest import Recording, read_manifest
from speechalign.losses import ctc_loss
from speechalign.models.ctc.conv_ctc import BLANK, STRIDE, ConvCTC, ConvCTCConfig, ConvCTCNet
from speechalign.models.hf_folder import no_progress_bars
from speechalign.models.speech_llm.ctc_support import spelled
from speechalign.vocabulary import Vocabulary

PIECES, BATCH = 300, 16
SYMBOLS = [BLANK, "|", "'", *"abcdefghijklmnopqrstuvwxyz"]


def make_language_model(texts: Sequence[str], out: Path, *, steps: int) -> None:
    """Train a tokenizer and a language model, and save them.

    Every fourth batch has sentences. The others have stretched pieces of shuffled words as input
    and the words as output: large language models can repeat their input.
    """
    plain = Tokenizer(models.BPE(unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Metaspace()
    plain.decoder = decoders.Metaspace()
    special = ["<s>", "</s>", "<unk>"]
    plain.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=PIECES, special_tokens=special, show_progress=False)
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    network = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=plain.get_vocab_size(), hidden_size=96, intermediate_size=256,
            num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=512,
            bos_token_id=0, eos_token_id=1,
        )
    )  # fmt: skip
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    generator = np.random.default_rng(0)
    for step in range(steps):
        inputs, labels = [], []
        for k in generator.integers(len(texts), size=BATCH):
            words = texts[k].split()
            prompt: list[int] = []
            if step % 4:
                words = [words[i] for i in generator.permutation(len(words))]
            tokens = plain.encode(" ".join(words)).ids
            if step % 4:
                prompt = np.repeat(tokens, generator.integers(1, 4, size=len(tokens))).tolist()
            inputs.append(torch.tensor([*prompt, 0, *tokens]))
            labels.append(torch.tensor([-100] * len(prompt) + [*tokens, 1]))
        logits = network(input_ids=pad_sequence(inputs, batch_first=True)).logits
        wanted = pad_sequence(labels, batch_first=True, padding_value=-100)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    click.echo(f"language model: {plain.get_vocab_size()} pieces, loss {loss.item():.2f}", err=True)
    with no_progress_bars():
        network.save_pretrained(out)
    tokenizer.save_pretrained(out)


def make_encoder(recordings: Sequence[Recording], out: Path, *, steps: int) -> None:
    """Train a CTC model of letters, and save it."""
    vocabulary = Vocabulary(SYMBOLS, blank=BLANK)
    config = ConvCTCConfig(mels=40, stem_channels=64, channels=96, blocks=4, dropout=0.0)
    net = ConvCTCNet(config, len(SYMBOLS))
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    separator = vocabulary.ids(["|"])
    generator = np.random.default_rng(0)
    for _ in range(steps):
        chosen = [recordings[k] for k in generator.integers(len(recordings), size=BATCH)]
        rows = [torch.from_numpy(r.samples(16000)) for r in chosen]
        lengths = torch.tensor([len(row) for row in rows])
        letters = []
        for recording in chosen:
            words = [spelled(word, vocabulary) + separator for word in recording.text.split()]
            labels = [label for word in words for label in word][:-1]
            letters.append(torch.tensor(labels, dtype=torch.int64))
        counts = torch.tensor([len(row) for row in letters])
        loss = ctc_loss(
            net(pad_sequence(rows, batch_first=True), lengths),
            pad_sequence(letters, batch_first=True),
            (lengths + STRIDE - 1) // STRIDE,
            counts,
            blank=0,
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    click.echo(f"encoder: CTC {loss.item():.2f} for each letter", err=True)
    ConvCTC(net, vocabulary, name="letters", language="en", licence="none").save(out)


@click.command(help=__doc__)
@click.argument("text", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--seed", default=1, show_default=True, help="Seed of the weights.")
@click.option("--lm-steps", default=1500, show_default=True, help="Steps of the language model.")
@click.option("--encoder-steps", default=500, show_default=True, help="Steps of the encoder.")
def main(
    text: Path, manifest: Path, out: Path, seed: int, lm_steps: int, encoder_steps: int
) -> None:
    """Train both models."""
    torch.manual_seed(seed)
    if not (out / "lm" / "config.json").exists():
        texts = text.read_text(encoding="utf-8").splitlines()
        make_language_model(texts, out / "lm", steps=lm_steps)
    if not (out / "encoder" / "model.json").exists():
        make_encoder(read_manifest(manifest), out / "encoder", steps=encoder_steps)


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    run(main)
