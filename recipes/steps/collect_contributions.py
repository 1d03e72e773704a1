"""Write the attention of a speech translation model under teacher forcing.

    python -m recipes.steps.collect_contributions exp/model/model.pt exp/features/scored \
        exp/contributions

OUT/attention/000.npy has a row for each token of the translation and a column for each 40 ms of
speech: the attention weight of the frame when the model predicts the token from the previous tokens
of the translation. OUT/norms has the weight times the norm of the weighted vector [1]_, which is
small where a frame gets weight but contributes little. OUT/tokens.txt has the tokens, a sentence in
each line; OUT/.done is written last.

.. [1] G. Kobayashi, T. Kuribayashi, S. Yokoi and K. Inui, "Attention is not only a weight:
   analyzing transformers with vector norms", EMNLP 2020.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import torch

from recipes.program import run
from recipes.trainer.feature_store import FeatureStore
from recipes.trainer.speech_translation import BOS, Tokens, Translator, load


def contributions(
    model: Translator, tokens: Tokens, features: np.ndarray, translation: str
) -> dict[str, np.ndarray]:
    """Return maps, (tokens, frames) float32, by kind."""
    previous = torch.tensor([[BOS, *tokens.encode(translation)[:-1]]])
    lengths = torch.tensor([len(features)])
    with torch.inference_mode():
        encoded, lengths = model.encode(torch.from_numpy(features)[None], lengths)
        decoded = model.decode(previous, encoded, lengths)
    attention = decoded.attention[0].numpy()
    return {
        "attention": attention,
        "norms": attention * decoded.values[0].norm(dim=-1).numpy(),
    }


@click.command(help=__doc__)
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("features", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def main(model: Path, features: Path, out: Path) -> None:
    """Write the maps of all sentences."""
    if (out / ".done").exists():
        click.echo(f"{out}: kept; remove it to collect again")
        return
    translator, tokens = load(model)
    store = FeatureStore(features, mels=translator.config.mels)
    for index, entry in enumerate(store.entries):
        maps = contributions(translator, tokens, store.features(index), entry.text)
        for kind, values in maps.items():
            (out / kind).mkdir(parents=True, exist_ok=True)
            np.save(out / kind / f"{index:03d}.npy", values)
    lines = (" ".join(tokens.split(entry.text)) + "\n" for entry in store.entries)
    (out / "tokens.txt").write_text("".join(lines), encoding="utf-8")
    (out / ".done").touch()
    click.echo(f"{out}: {len(store)} sentences")


if __name__ == "__main__":
    torch.set_num_threads(1)
    run(main)
