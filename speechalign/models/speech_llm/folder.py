"""Speech LLMs in folders: what was trained, and where the rest is."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from speechalign.errors import BackendError, InputError
from speechalign.models import DESCRIPTION, MODELS, hub
from speechalign.models.folders import replacing_folder
from speechalign.models.hf_folder import CONFIG, check_weights, no_progress_bars

try:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save_file
except ImportError as missing:
    raise BackendError(f"speech-llm: {missing}; pip install 'speechalign[hf]'") from None

from speechalign.models.device import choose_device
from speechalign.models.speech_llm.config import SpeechLlmConfig
from speechalign.models.speech_llm.encoders import load_encoder
from speechalign.models.speech_llm.gguf import is_gguf, read_gguf
from speechalign.models.speech_llm.kept_tokens import tokens_of
from speechalign.models.speech_llm.model import SpeechLlm

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

KIND = "speech-llm"
WEIGHTS = "adapters.safetensors"


def join(
    encoder: str | Path,
    lm: str | Path,
    config: SpeechLlmConfig,
    *,
    texts: Sequence[str] = (),
    offline: bool = False,
    name: str = "speech-llm",
    language: str = "en",
    licence: str = "not told",
) -> SpeechLlm:
    """Join an encoder and a language model, with a new adapter.

    Parameters
    ----------
    encoder : str or Path
        A folder or name, as `load_encoder` reads it, or ``org/name`` on the Hugging Face hub.
    lm : str or Path
        A folder with a causal language model and its tokenizer, a GGUF file with both, or
        ``org/name``.
    config : SpeechLlmConfig
        How they are joined.
    texts : Sequence[str]
        The language model keeps only the tokens of these, and of their characters, in place of
        those of ``config``; none for all that ``config`` has. A few hours of speech have some
        thousands, whose scores are cheap where those of 262,144 are most of the work.
    offline : bool
        Use no network; the environment's ``HF_HUB_OFFLINE`` means the same.
    name, language, licence : str
        As `Model` has them.

    Raises
    ------
    InputError
        A folder or file is missing or damaged.
    BackendError
        transformers or peft is missing, or the hub cannot be reached.
    """
    if is_gguf(lm):
        network, tokenizer = read_gguf(Path(lm))
    else:
        network, tokenizer = _language_model(_folder(lm, offline=offline))
    if texts:
        config = replace(config, tokens=tokens_of(tokenizer, [*texts, config.prompt]))
    return SpeechLlm(
        load_encoder(encoder if str(encoder) in MODELS else _folder(encoder, offline=offline)),
        network,
        tokenizer,
        config,
        name=name,
        language=language,
        licence=licence,
    )


def load(source: str | Path, *, device: str | None = None, offline: bool = False) -> SpeechLlm:
    """Load what `save` wrote, and the models that it names.

    Parameters
    ----------
    source : str or Path
        With ``model.json`` and ``adapters.safetensors``.
    device, offline
        As in `load_model`.

    Raises
    ------
    InputError
        A file is missing or damaged, or the weights are of another model.
    BackendError
        A package or device is missing, or the hub cannot be reached.
    """
    folder = Path(source)
    path = folder / DESCRIPTION
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        encoder, lm, keywords = data["encoder"], data["lm"], data["config"]
        told = {key: str(data[key]) for key in ("name", "language", "licence")}
        kind = data["kind"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not the description of a {KIND} model: {error!r}") from None
    if kind != KIND:
        raise InputError(f"{path}: expected kind {KIND!r}, got {kind!r}")
    config = SpeechLlmConfig.from_keywords(keywords, source=str(path))
    encoder, lm = (str(folder / x) if (folder / x).exists() else x for x in (encoder, lm))
    model = join(encoder, lm, config, offline=offline, **told)
    weights = folder / WEIGHTS
    try:
        found = load_file(weights)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{weights}: damaged or missing: {error}; copy the model again") from None
    wanted = {name: p for name, p in model.named_parameters() if p.requires_grad}
    odd = sorted(found.keys() ^ wanted.keys()) or [
        name for name, value in found.items() if value.shape != wanted[name].shape
    ]
    if odd:
        raise InputError(f"{weights}: {odd[0]} does not fit the models that {path} names")
    with torch.no_grad():
        for name, value in found.items():
            wanted[name].copy_(value)
    model.to(choose_device(device)).eval()
    return model


def save(model: SpeechLlm, folder: str | Path, *, encoder: str | Path, lm: str | Path) -> None:
    """Write what was trained, and where the rest is.

    Parameters
    ----------
    model : SpeechLlm
        From `join` or `load`.
    folder : str or Path
        A new folder, or that of a model, which is replaced whole.
    encoder, lm : str or Path
        The models that were joined: folders or files, kept relative to ``folder``, or names.

    Raises
    ------
    InputError
        ``folder`` holds something other than a model.
    """
    folder = Path(folder)
    description = {
        "kind": KIND,
        "name": model.name,
        "language": model.language,
        "licence": model.licence,
        "encoder": _relative(encoder, folder),
        "lm": _relative(lm, folder),
        "config": asdict(model.config),
    }
    weights = {
        name: value.detach().cpu().contiguous()
        for name, value in model.named_parameters()
        if value.requires_grad
    }
    text = json.dumps(description, ensure_ascii=False, indent=1) + "\n"
    with replacing_folder(folder) as inside:
        (inside / DESCRIPTION).write_text(text, encoding="utf-8")
        save_file(weights, inside / WEIGHTS)


def _relative(source: str | Path, folder: Path) -> str:
    return os.path.relpath(source, folder) if Path(source).exists() else str(source)


def _folder(source: str | Path, *, offline: bool) -> Path:
    """Return the folder of a model, fetched where it is a name on the hub."""
    if Path(source).is_dir():
        return Path(source)
    if not hub.recognises(str(source)):
        raise InputError(
            f"{source}: there is no such folder; name one, or org/name on the Hugging Face hub"
        )
    return hub.fetch(str(source), offline=offline, allow_pickle=False)


def _language_model(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a causal language model and its tokenizer."""
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise BackendError(
            f"{folder}: reading it needs transformers ({error}); pip install 'speechalign[hf]'"
        ) from None
    if not (folder / CONFIG).is_file():
        raise InputError(f"{folder / CONFIG}: there is no such file; copy all files of the model")
    check_weights(folder, allow_pickle=False)
    if not (folder / "tokenizer.json").is_file():
        raise InputError(
            f"{folder / 'tokenizer.json'}: there is no such file; copy all files of the model, as "
            "its maker has them"
        )
    try:
        with no_progress_bars():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            network, report = AutoModelForCausalLM.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype=torch.float32,
                output_loading_info=True,
            )  # fmt: skip
    except Exception as error:  # tokenizers raises no narrower class
        raise InputError(
            f"{folder}: cannot be read as a causal language model: {str(error).splitlines()[0]}"
        ) from None
    if report["missing_keys"]:
        raise InputError(
            f"{folder}: the weights lack {', '.join(sorted(report['missing_keys'])[:3])}; is it a "
            "model that was trained as a causal language model?"
        )
    return network, tokenizer
