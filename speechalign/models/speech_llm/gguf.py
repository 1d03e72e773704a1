"""Language models in GGUF files."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from speechalign.errors import BackendError, InputError
from speechalign.models.hf_folder import no_progress_bars

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_SUFFIX, _MAGIC = ".gguf", b"GGUF"
_PACKAGES = "transformers", "gguf", "accelerate"


def is_gguf(source: str | Path) -> bool:
    """Return whether a language model is a GGUF file, by its name."""
    return Path(source).suffix == _SUFFIX


def read_gguf(path: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load the causal language model of a GGUF file and its tokenizer, in float32.

    Quantised weights are expanded, which takes a minute for 270 million: ``save_pretrained`` of
    both writes a folder that loads in seconds.

    Raises
    ------
    InputError
        The file is missing, is not GGUF, or is one that transformers cannot read.
    BackendError
        transformers, gguf or accelerate is missing.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(len(_MAGIC))
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror}; name a GGUF file, or the folder of a language model"
        ) from None
    if begin != _MAGIC:
        raise InputError(
            f"{path}: expected a GGUF file, but it begins with {begin!r}; join its parts in order "
            "if it comes in several, or copy it again"
        )
    absent = [name for name in _PACKAGES if find_spec(name) is None]
    if absent:
        raise BackendError(
            f"{path}: reading it needs {', '.join(absent)}; pip install 'speechalign[llm]'"
        )
    import transformers
    from transformers import AutoModelForCausalLM, AutoTokenizer

    named: dict[str, Any] = {"gguf_file": path.name, "local_files_only": True}
    whole = {}
    if hasattr(transformers, "GgufConfig"):  # from 5.24 on, weights stay quantised otherwise
        whole["quantization_config"] = transformers.GgufConfig(dequantize=True)
    try:
        with no_progress_bars():
            tokenizer = AutoTokenizer.from_pretrained(path.parent, **named)
            network = AutoModelForCausalLM.from_pretrained(
                path.parent, dtype=torch.float32, **named, **whole
            )
    except Exception as error:  # transformers raises whatever a damaged file leads to
        told = (str(error).splitlines() or [repr(error)])[0]
        raise InputError(
            f"{path}: transformers cannot read this GGUF file: {told}; take the model's folder "
            "with config.json and safetensors"
        ) from None
    return network, tokenizer
