"""Neural HMMs of our own that come with the package; each folder has a model card.

``egs/robust_english`` trains `english` and `german`, which are small networks, and
`english_whisper` and `german_whisper`, heads on ``openai/whisper-base`` or on the encoder that is
named. ``egs/universal`` trains such a head and such a network for any language.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from speechalign.models.neural_hmm.folder import load
from speechalign.models.neural_hmm.model import NeuralHmm

_DATA = Path(__file__).parents[1] / "data"


def english() -> NeuralHmm:
    """Load the small network of English."""
    return load(_DATA / "english")


def german() -> NeuralHmm:
    """Load the small network of German."""
    return load(_DATA / "german")


def universal_small() -> NeuralHmm:
    """Load the small network of any language."""
    return load(_DATA / "universal_small")


english_whisper = partial(load, _DATA / "english_whisper")
german_whisper = partial(load, _DATA / "german_whisper")
universal = partial(load, _DATA / "universal")
