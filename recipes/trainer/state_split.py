"""A split of a corpus whose features are an encoder's states, and whose labels are letters."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recipes.trainer.encoder_states import stored_encoder
from recipes.trainer.feature_store import Entry, Split
from recipes.trainer.letters import labels_of, words_of
from speechalign.corpus import read_corpus
from speechalign.errors import InputError
from speechalign.training.frame_store import FrameStore


class StateSplit(Split):
    """Utterances of a manifest, with the states of a store.

    Parameters
    ----------
    folder : Path
        The store, as ``encode_states.py`` wrote it; it may have more recordings.
    manifest : Path
        The utterances, by their ids.
    copies : int
        Number of copies of each: the clean one, and corrupted ones.

    Raises
    ------
    InputError
        The store lacks a recording or a copy, or the manifest is empty.
    """

    def __init__(self, folder: Path, manifest: Path, *, copies: int = 1) -> None:
        store = FrameStore(folder)
        self.encoder = stored_encoder(folder)
        self._states = [store.array(f"states.{copy}") for copy in range(copies)]
        self._numbers = []
        numbers = {id: number for number, id in enumerate(store.ids)}
        entries = []
        for utterance in read_corpus(manifest):
            if utterance.id not in numbers:
                raise InputError(
                    f"{manifest}: {utterance.id}: {folder} has no states of it; encode the corpus "
                    "that the manifest is of"
                )
            number = numbers[utterance.id]
            count = int(self._states[0].counts[number])
            words = labels_of(words_of(utterance.text))
            entries.append(
                Entry(
                    utterance.id, utterance.speaker or "", utterance.text, str(utterance.audio),
                    0, count, words,
                )
            )  # fmt: skip
            self._numbers.append(number)
        if not entries:
            raise InputError(f"{manifest}: expected utterances, found none")
        grid = self.encoder.grid
        super().__init__(
            entries * copies,
            width=self._states[0].width,
            rate=grid.sample_rate / grid.stride,
        )

    def features(self, index: int) -> np.ndarray:
        """Return the (F, M) float32 states of one utterance; copies follow one another."""
        copy, place = divmod(index, len(self._numbers))
        found: np.ndarray = self._states[copy][self._numbers[place]].astype(np.float32)
        return found
