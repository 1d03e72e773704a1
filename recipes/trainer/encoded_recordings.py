"""Encoder states of recordings, cached if the encoder is frozen, or read from a store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from recipes.trainer.encoder_states import stored_encoder
from recipes.trainer.speech_manifest import Recording
from speechalign.corpus import read_corpus
from speechalign.errors import InputError
from speechalign.models.neural_hmm.encoder import load_encoder
from speechalign.models.speech_llm.encoders import Encoded, PretrainedEncoder
from speechalign.models.speech_llm.model import SpeechLlm
from speechalign.training.frame_store import FrameStore


class EncodedRecordings:
    """Encode recordings.

    An encoder that is trained encodes each batch anew. A frozen encoder encodes each recording by
    itself, as in transcription, and its states are cached in main memory: without augmentation,
    they never change.

    Parameters
    ----------
    model : SpeechLlm
        Model with the encoder; parameters that require gradients are trained.
    most_bytes : int
        Largest size of the cache. When it is full, other recordings are encoded each time: training
        uses every recording once before any comes again, so no eviction policy would do better.
    """

    def __init__(self, model: SpeechLlm, *, most_bytes: int = 2**31) -> None:
        self._model = model
        self._trained = any(p.requires_grad for p in model.encoder.parameters())
        self._kept: dict[Path, Encoded] = {}
        self._left = most_bytes

    def __call__(self, recordings: Sequence[Recording]) -> Encoded:
        """Return the states of recordings as a batch, on the device of the model."""
        if self._trained:
            return self._encode(recordings)
        found = [self._alone(recording) for recording in recordings]
        device = next(self._model.adapter.parameters()).device
        log_probs = [one.log_probs[0] for one in found if one.log_probs is not None]
        return Encoded(
            pad_sequence([one.states[0] for one in found], batch_first=True).to(device),
            torch.cat([one.lengths for one in found]).to(device),
            pad_sequence(log_probs, batch_first=True).to(device) if log_probs else None,
        )

    def _encode(self, recordings: Sequence[Recording]) -> Encoded:
        device = next(self._model.encoder.parameters()).device
        rows = [torch.from_numpy(r.samples(self._model.sample_rate)) for r in recordings]
        lengths = torch.tensor([len(row) for row in rows], device=device)
        return self._model.encode(pad_sequence(rows, batch_first=True).to(device), lengths)

    def _alone(self, recording: Recording) -> Encoded:
        if recording.audio in self._kept:
            return self._kept[recording.audio]
        self._model.encoder.eval()
        with torch.no_grad():
            found = self._encode([recording])
        log_probs = None if found.log_probs is None else found.log_probs.cpu()
        kept = Encoded(found.states.cpu(), found.lengths.cpu(), log_probs)
        tensors: list[Tensor] = [kept.states, *([] if log_probs is None else [log_probs])]
        size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        if size <= self._left:
            self._kept[recording.audio] = kept
            self._left -= size
        return kept


class StoredRecordings:
    """Encoder states of recordings that ``encode_states.py`` has written.

    Parameters
    ----------
    model : SpeechLlm
        Model with the encoder, which is not trained.
    encoder : str or Path
        The folder or name that it was loaded from.
    folder : Path
        The store: the last layer of this encoder, and no other encoder's.
    manifests : Sequence[Path]
        The recordings, with the ids that the store knows.

    Raises
    ------
    InputError
        The encoder is trained, the states are of another encoder or layer, or the store lacks a
        recording.
    """

    def __init__(
        self, model: SpeechLlm, encoder: str | Path, folder: Path, manifests: Sequence[Path]
    ) -> None:
        if any(p.requires_grad for p in model.encoder.parameters()):
            raise InputError(
                f"{folder}: has the states of a frozen encoder, but the settings train it; leave "
                "the encoder out of train, or the states"
            )
        if not isinstance(model.encoder, PretrainedEncoder):
            raise InputError(f"{folder}: expected an encoder of Hugging Face, got {encoder}")
        layer = model.encoder.network.config.num_hidden_layers
        kept, wanted = stored_encoder(folder), load_encoder(encoder, layers=[layer]).content_hash
        if kept.content != wanted:
            raise InputError(
                f"{folder}: holds states of {kept.source}, hash {kept.content}; {encoder}, layer "
                f"{layer}, has hash {wanted}; encode the corpus again with --layer {layer}"
            )
        self._device = model.adapter.widen.weight.device
        store = FrameStore(folder)
        numbers = {id: number for number, id in enumerate(store.ids)}
        self._states = store.array("states.0")
        self._numbers: dict[Path, int] = {}
        for manifest in manifests:
            for utterance in read_corpus(manifest):
                if utterance.id not in numbers:
                    raise InputError(
                        f"{manifest}: {utterance.id}: {folder} has no states of it; encode the "
                        "corpus that the manifest is of"
                    )
                self._numbers[Path(utterance.audio)] = numbers[utterance.id]

    def __call__(self, recordings: Sequence[Recording]) -> Encoded:
        """Return the states of recordings as a batch, on the device of the model."""
        rows = [
            torch.from_numpy(self._states[self._numbers[r.audio]].astype("float32"))
            for r in recordings
        ]
        lengths = torch.tensor([len(row) for row in rows], device=self._device)
        return Encoded(pad_sequence(rows, batch_first=True).to(self._device), lengths, None)
