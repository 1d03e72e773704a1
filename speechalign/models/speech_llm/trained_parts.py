"""Trained parts of a speech LLM, by one setting."""

from __future__ import annotations

import re
from collections.abc import Sequence

from torch import nn

from speechalign.errors import BackendError, InputError

_PART = re.compile(r"(adapter|encoder|lm)(\.lora|\[-(\d+):\])?")


def choose_trained(model: nn.Module, parts: Sequence[str], *, rank: int, alpha: int) -> None:
    """Freeze a model but for some parts; add low-rank updates where they are asked for.

    Parameters
    ----------
    model : nn.Module
        With modules ``encoder``, ``adapter`` and ``lm``; changed in place.
    parts : Sequence[str]
        Of these: ``adapter``; ``encoder`` or ``lm``, the whole of it; ``encoder[-4:]`` or
        ``lm[-4:]``, so many of its last blocks; ``encoder.lora`` or ``lm.lora``, low-rank updates
        [1]_ of all linear maps in its blocks.
    rank, alpha : int
        Of the updates: they are scaled by alpha / rank.

    Raises
    ------
    InputError
        A part is unknown, or has fewer blocks than are asked for.
    BackendError
        peft is missing.

    References
    ----------
    .. [1] E. J. Hu et al., "LoRA: low-rank adaptation of large language models", Proc. ICLR, 2022.
    """
    chosen = []
    for part in parts:
        match = _PART.fullmatch(part)
        if match is None or (match[1] == "adapter" and match[2]):
            raise InputError(
                f"train: expected adapter, encoder, encoder[-N:], encoder.lora, lm, lm[-N:] or "
                f"lm.lora, got {part!r}"
            )
        chosen.append(match)
    model.requires_grad_(False)
    # Updates first, since adding them freezes what they are added to.
    for match in sorted(chosen, key=lambda match: match[2] != ".lora"):
        whole: nn.Module = getattr(model, match[1])
        if match[2] is None:
            whole.requires_grad_(True)
        elif match[2] == ".lora":
            _add_updates(whole, rank, alpha)
        else:
            blocks, wanted = _blocks(whole)[1], int(match[3])
            if not 1 <= wanted <= len(blocks):
                raise InputError(
                    f"train: {match[0]}: expected 1 to {len(blocks)} blocks, got {wanted}"
                )
            for block in blocks[-wanted:]:
                block.requires_grad_(True)


def _blocks(module: nn.Module) -> tuple[str, nn.ModuleList]:
    """Return name and blocks of a network: of its lists of modules, the one of most weights."""
    lists = [(name, m) for name, m in module.named_modules() if isinstance(m, nn.ModuleList)]
    if not lists:
        raise InputError(f"train: {type(module).__name__} has no blocks; train the whole of it")
    return max(lists, key=lambda pair: sum(p.numel() for p in pair[1].parameters()))


def _add_updates(module: nn.Module, rank: int, alpha: int) -> None:
    try:
        from peft import LoraConfig, inject_adapter_in_model
        from transformers.pytorch_utils import Conv1D
    except ImportError as error:
        raise BackendError(
            f"train: low-rank updates need peft ({error}); pip install 'speechalign[llm]'"
        ) from None
    name, blocks = _blocks(module)
    maps = {
        f"{name}.{inner}": isinstance(m, Conv1D)
        for inner, m in blocks.named_modules()
        if isinstance(m, nn.Linear | Conv1D)
    }
    if not maps:
        raise InputError(f"train: {type(module).__name__} has no linear maps to update")
    settings = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules=list(maps),
        fan_in_fan_out=any(maps.values()),
    )
    inject_adapter_in_model(settings, module)
