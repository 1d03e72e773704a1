"""Save a tiny Whisper with random weights, to run the experiment without a download.

python local/00_tiny_encoder.py FOLDER
"""

from __future__ import annotations

from pathlib import Path

import click
import torch
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def main(folder: Path) -> None:
    """Write the model and what computes its features."""
    torch.manual_seed(0)
    config = WhisperConfig(
        vocab_size=8, d_model=32, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64, pad_token_id=0,
        bos_token_id=0, eos_token_id=0, decoder_start_token_id=0,
    )  # fmt: skip
    WhisperModel(config).save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)


if __name__ == "__main__":
    main()
