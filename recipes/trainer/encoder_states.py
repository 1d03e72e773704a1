"""States of a frozen encoder in a `FrameStore`, with the hash of the encoder that made them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from speechalign.errors import FormatError, InputError
from speechalign.frames import FrameGrid
from speechalign.models.neural_hmm.encoder import Encoder
from speechalign.training.frame_store import FrameStore

_FILE = "encoder.json"


@dataclass(frozen=True)
class StoredEncoder:
    """What a store says of the encoder whose states it holds.

    Parameters
    ----------
    source : str
        Folder of the encoder, or its name on the hub.
    content : str
        Hash of its weights, layers and features.
    grid : FrameGrid
        Where states lie in time.
    """

    source: str
    content: str
    grid: FrameGrid


def stored_encoder(folder: Path) -> StoredEncoder:
    """Return the encoder of a store.

    Raises
    ------
    InputError
        The store has no states, or does not say which encoder made them.
    FormatError
        What it says is damaged.
    """
    path = folder / _FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return StoredEncoder(content["source"], content["content"], FrameGrid(**content["grid"]))
    except FileNotFoundError:
        raise InputError(f"{path}: missing; run the stage that caches the states") from None
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(
            f"{path}: damaged ({error!r}); remove it and {folder / 'states.*'}"
        ) from None


def fill_states(
    store: FrameStore,
    encoder: Encoder,
    samples: Callable[[int, int], np.ndarray],
    *,
    copies: int,
) -> None:
    """Write the states that a store still lacks, as its arrays states.0, states.1 ...

    Parameters
    ----------
    store : FrameStore
        Where they go.
    encoder : Encoder
        What makes them.
    samples : Callable[[int, int], ndarray]
        Returns the samples of a copy, 0 for the clean one, of a recording.
    copies : int
        Number of arrays.

    Raises
    ------
    InputError
        The store holds states of another encoder.
    """
    path = store.folder / _FILE
    found = StoredEncoder(encoder.facts.source, encoder.content_hash, encoder.grid)
    if path.exists() or list(store.folder.glob("states.*")):
        kept = stored_encoder(store.folder)
        if (kept.content, kept.grid) != (found.content, found.grid):
            raise InputError(
                f"{store.folder}: holds states of the encoder {kept.source}, hash {kept.content}; "
                f"got {found.source}, hash {found.content}; name that encoder, or remove "
                f"{path.name} and states.* there"
            )
    else:
        path.write_text(json.dumps(asdict(found)) + "\n", encoding="utf-8")
    stride, width = encoder.grid.stride, encoder.facts.width
    for copy in range(copies):
        store.fill(
            f"states.{copy}",
            lambda number, copy=copy: encoder.encode(samples(copy, number)),  # type: ignore[misc]
            stride=stride, width=width, dtype=np.float16,
        )  # fmt: skip
