"""Neural HMMs of our own that come with the package; each folder has a model card."""

from __future__ import annotations

from pathlib import Path

from speechalign.models.neural_hmm.folder import load
from speechalign.models.neural_hmm.model import NeuralHmm

_DATA = Path(__file__).parents[1] / "data"


def english() -> NeuralHmm:
    """Load the small network of English that ``egs/robust_english`` trains."""
    return load(_DATA / "english")


def german() -> NeuralHmm:
    """Load the small network of German that ``egs/robust_english`` trains."""
    return load(_DATA / "german")


def english_whisper(
    *,
    device: str | None = None,
    offline: bool = False,
    allow_pickle: bool = False,
    encoder: str | Path | None = None,
) -> NeuralHmm:
    """Load the head for English and its encoder, ``openai/whisper-base`` unless named."""
    return load(
        _DATA / "english_whisper", device=device, offline=offline, allow_pickle=allow_pickle,
        encoder=encoder,
    )  # fmt: skip


def german_whisper(
    *,
    device: str | None = None,
    offline: bool = False,
    allow_pickle: bool = False,
    encoder: str | Path | None = None,
) -> NeuralHmm:
    """Load the head for German and its encoder, ``openai/whisper-base`` unless named."""
    return load(
        _DATA / "german_whisper", device=device, offline=offline, allow_pickle=allow_pickle,
        encoder=encoder,
    )  # fmt: skip
