"""Speech encoders of Hugging Face, from a folder: network, feature extractor and frame grid."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING

from speechalign.errors import BackendError, InputError
from speechalign.frames import FrameGrid
from speechalign.models.frame_timing import convolution_grid
from speechalign.models.hf_folder import check_weights, no_progress_bars

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel, SequenceFeatureExtractor

SAMPLED = ("wav2vec2", "hubert", "wavlm")
"""Kinds of encoder that hear samples."""
UNUSED_WEIGHTS = {"masked_spec_embed"}
"""Weights that a folder may lack, as they are for training only."""

_WHISPER_LAYERS, _WHISPER_PADDING = [(400, 160), (3, 1), (3, 2)], [200, 1, 1]


def load_pretrained(
    folder: Path, *, ctc: bool, allow_pickle: bool = False
) -> tuple[PreTrainedModel, SequenceFeatureExtractor]:
    """Load a network in single precision, and its feature extractor.

    Parameters
    ----------
    folder : Path
        Of wav2vec 2.0, HuBERT, WavLM or Whisper.
    ctc : bool
        Whether the network has a CTC layer.
    allow_pickle : bool
        As in `load_model`.

    Raises
    ------
    InputError
        A file is missing or damaged, or the weights are a pickle.
    BackendError
        transformers is missing.
    """
    check_weights(folder, allow_pickle=allow_pickle)
    try:
        import torch
        from safetensors import SafetensorError
        from transformers import AutoFeatureExtractor, AutoModel, AutoModelForCTC
    except ImportError as error:
        raise BackendError(
            f"{folder}: reading it needs transformers ({error}); pip install 'speechalign[hf]'"
        ) from None
    try:
        with no_progress_bars():
            extractor = AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)
            network, report = (AutoModelForCTC if ctc else AutoModel).from_pretrained(
                folder, local_files_only=True, use_safetensors=None if allow_pickle else True,
                dtype=torch.float32, output_loading_info=True,
            )  # fmt: skip
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(
            f"{folder}: cannot be read as an encoder of speech: {str(error).splitlines()[0]}; copy "
            "all files of the model, as its maker has them"
        ) from None
    missing = {key for key in report["missing_keys"] if key.split(".")[-1] not in UNUSED_WEIGHTS}
    if missing:
        raise InputError(
            f"{folder}: the weights lack {', '.join(sorted(missing)[:3])}; copy all files of the "
            "model, as its maker has them"
        )
    return network, extractor


def encoder_grid(network: PreTrainedModel, extractor: SequenceFeatureExtractor) -> FrameGrid:
    """Return where the states of an encoder lie in time."""
    config, rate = network.config, int(extractor.sampling_rate)
    if config.model_type == "whisper":
        return convolution_grid(_WHISPER_LAYERS, sample_rate=rate, padding=_WHISPER_PADDING)
    return convolution_grid(list(zip(config.conv_kernel, config.conv_stride)), sample_rate=rate)


def whisper_states(
    network: PreTrainedModel, features: Tensor, layers: Sequence[int]
) -> list[Tensor]:
    """Run Whisper's encoder on as many positions as there are, rather than 30 s.

    Parameters
    ----------
    network : transformers.PreTrainedModel
        Whisper's encoder.
    features : Tensor, shape (B, M, F)
        Log-mel features, at most 30 s of them.
    layers : Sequence[int]
        Numbers of the layers, from 1 on.

    Returns
    -------
    list of Tensor, each of shape (B, (F + 1) // 2, width)
        The states of each layer; those of the last are normalised.
    """
    from torch.nn import functional

    hidden = functional.gelu(network.conv2(functional.gelu(network.conv1(features))))
    hidden = hidden.transpose(1, 2)
    hidden = hidden + network.embed_positions.weight[: hidden.shape[1]]
    found = []
    for number, layer in enumerate(network.layers[: max(layers)], 1):
        heads = signature(layer.forward).parameters  # transformers 4 asks for a mask
        masks = {"layer_head_mask": None} if "layer_head_mask" in heads else {}
        hidden = layer(hidden, None, **masks)
        hidden = hidden[0] if isinstance(hidden, tuple) else hidden
        if number in layers:
            found.append(network.layer_norm(hidden) if number == len(network.layers) else hidden)
    return found
