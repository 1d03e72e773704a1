"""Cross-attention of speech-to-text models, as contribution maps."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from speechalign.errors import BackendError, InputError
from speechalign.frames import FrameGrid

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Linear
    from transformers import PretrainedConfig, PreTrainedModel

_ATTENTIONS = ("encoder_attn", "cross_attention")  # what the classes call a layer's module
_RATE = 16_000  # of all these models
_HOP = 160  # samples between their spectral frames
_SEAMLESS_BANDS = 80


@dataclass(frozen=True)
class CrossAttention:
    """Contributions of a recording's frames to the tokens of its translation.

    Parameters
    ----------
    values : ndarray, shape (layers, tokens, frames), float64
        Of each decoder layer. Rows sum to at most 1: frames of padding are cut off.
    grid : FrameGrid
        When the frames are.
    """

    values: np.ndarray
    grid: FrameGrid

    def mean(self, layers: Sequence[int] | None = None) -> np.ndarray:
        """Return the mean of some layers, or of all, shape (tokens, frames), float64."""
        chosen = self.values if layers is None else self.values[list(layers)]
        mean: np.ndarray = chosen.mean(axis=0)
        return mean

    @property
    def seconds(self) -> float:
        """Duration of the frames, for `time_units`."""
        return self.grid.seconds(self.values.shape[2])


def load_speech_to_text(path: str | os.PathLike[str]) -> PreTrainedModel:
    """Load a speech-to-text model such that its attention can be seen.

    Parameters
    ----------
    path : path-like
        A folder, or a name on the Hugging Face hub: Whisper, Speech2Text, SeamlessM4T or v2.

    Returns
    -------
    PreTrainedModel
        On the CPU, in float32, in evaluation mode.

    Raises
    ------
    BackendError
        transformers is not installed.
    InputError
        There is no such model there.
    """
    try:
        from transformers import AutoModelForSpeechSeq2Seq
    except ImportError as error:
        raise BackendError(
            f"speech-to-text models need {error.name}; pip install 'speechalign[hf]'"
        ) from None
    try:
        model = AutoModelForSpeechSeq2Seq.from_pretrained(
            os.fspath(path), attn_implementation="eager", dtype="float32"
        )
    except (OSError, ValueError) as error:
        reason = str(error).split("\n")[0]
        raise InputError(f"{path}: not a speech-to-text model: {reason}") from None
    model.eval()
    frame_grid(model.config)
    loaded: PreTrainedModel = model
    return loaded


def frame_grid(config: PretrainedConfig) -> FrameGrid:
    """Return when the frames of a model's encoder are.

    Raises
    ------
    InputError
        The frames of this kind of model are not known.

    Notes
    -----
    Spectra every 10 ms; Whisper halves them, Speech2Text once for each convolution, SeamlessM4T
    joins pairs of them and its adapter takes every eighth.
    """
    match config.model_type:
        case "whisper":
            factor = 2
        case "speech_to_text":
            factor = 2**config.num_conv_layers
        case "seamless_m4t" | "seamless_m4t_v2":
            factor = config.feature_projection_input_dim // _SEAMLESS_BANDS
            if config.add_adapter:
                factor *= config.adaptor_stride**config.num_adapter_layers
        case other:
            raise InputError(
                f"expected a model of type whisper, speech_to_text, seamless_m4t or "
                f"seamless_m4t_v2, got {other!r}"
            )
    return FrameGrid(_RATE, _HOP * factor)


def cross_attention(
    model: PreTrainedModel,
    features: Mapping[str, Tensor],
    target_ids: Sequence[int],
    *,
    prompt_ids: Sequence[int],
    samples: int,
    kind: Literal["weights", "norms"] = "weights",
) -> CrossAttention:
    """Collect what a model attends to while it is made to say a translation.

    Parameters
    ----------
    model : PreTrainedModel
        From `load_speech_to_text`, or loaded with ``attn_implementation="eager"``.
    features : Mapping[str, Tensor]
        Of one recording, as the model's feature extractor makes them: ``input_features``, and
        ``attention_mask`` where there is one.
    target_ids : Sequence[int]
        The tokens of the translation, without marks of its beginning and end.
    prompt_ids : Sequence[int]
        What the decoder begins with: marks of the beginning, the language, the task.
    samples : int
        Length of the recording at 16 kHz; frames behind it are left out.
    kind : {"weights", "norms"}
        Attention weights, the mean of the heads; or the norms of what the attention adds to the
        decoder for each frame, the sum over the heads of weight times transformed value, as shares
        of their sum.

    Returns
    -------
    CrossAttention
        Row u is the decoder's step whose prediction is target token u.

    Raises
    ------
    InputError
        There is nothing to collect: no target, no prompt, more than one recording, a model that
        does not show its attention or whose frames are not known.

    References
    ----------
    .. [1] G. Kobayashi, T. Kuribayashi, S. Yokoi and K. Inui, "Attention is not only a weight:
       analyzing transformers with vector norms", EMNLP 2020.
    .. [2] J. Ferrando et al., "Towards opening the black box of neural machine translation: source
       and target interpretations of the transformer", EMNLP 2022.
    """
    import torch

    if not target_ids or not prompt_ids:
        raise InputError(
            f"expected target tokens and a prompt, got {len(target_ids)} and {len(prompt_ids)}"
        )
    if len(features["input_features"]) != 1 or samples < 1:
        raise InputError(
            f"features: expected one recording with samples, got {len(features['input_features'])} "
            f"and {samples} samples"
        )
    if kind not in ("weights", "norms"):
        raise InputError(f"kind: expected 'weights' or 'norms', got {kind!r}")
    grid = frame_grid(model.config)
    attentions = [
        module for name, module in model.named_modules() if name.rpartition(".")[2] in _ATTENTIONS
    ]
    weights: list[Tensor] = []
    values: list[Tensor] = []
    decoded = torch.tensor([[*prompt_ids, *target_ids[:-1]]], device=model.device)
    with ExitStack() as hooks, torch.no_grad():
        for attention in attentions:
            for module, keep in (
                (attention, lambda _module, _inputs, output: weights.append(output[1])),
                (attention.v_proj, lambda _module, _inputs, output: values.append(output)),
            ):
                hooks.callback(module.register_forward_hook(keep).remove)
        model(**features, decoder_input_ids=decoded, use_cache=False)
    if not attentions or any(layer is None for layer in weights):
        raise InputError(
            "the model does not show its attention; load it with attn_implementation='eager'"
        )
    frames = min(weights[0].shape[-1], -(-samples // grid.stride))
    first = len(prompt_ids) - 1
    layers = []
    for attention, weight, value in zip(attentions, weights, values):
        rows = weight[0, :, first:].double()
        shares = (
            rows.mean(dim=0) if kind == "weights" else _norms(attention.out_proj, rows, value[0])
        )
        layers.append(shares[:, :frames].cpu().numpy())
    return CrossAttention(np.stack(layers), grid)


def _norms(projection: Linear, weights: Tensor, values: Tensor) -> Tensor:
    """Return shares (U, T) by norm, of weights (H, U, T) and values (T, H * D)."""
    import torch

    heads, rows, frames = weights.shape
    split = values.double().reshape(frames, heads, -1)
    output = projection.weight.detach().double()  # (E, H * D)
    transformed = torch.einsum("thd,ehd->hte", split, output.reshape(len(output), heads, -1))
    norms = torch.stack(
        [torch.einsum("ht,hte->te", weights[:, u], transformed).norm(dim=1) for u in range(rows)]
    )
    return norms / norms.sum(dim=1, keepdim=True)
