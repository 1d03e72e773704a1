"""Trained parts of a speech LLM, by one setting."""

from __future__ import annotations

import re
from collections.abc import Sequence

from torch import nn

from speechalign.errors import BackendError, InputError

_PART = re.compile(r"adapter|(encoder|lm)(\.lora)?(?:\[(?:-(\d+):|:(\d+))\])?")


def choose_trained(model: nn.Module, parts: Sequence[str], *, rank: int, alpha: int) -> None:
    """Freeze a model but for some parts; add low-rank updates where they are asked for.

    Parameters
    ----------
    model : nn.Module
        With modules ``encoder``, ``adapter`` and ``lm``; changed in place.
    parts : Sequence[str]
        Of these: ``adapter``; ``encoder`` or ``lm``, the whole of it; ``encoder[-4:]`` or
        ``lm[-4:]``, so many of its last blocks, ``lm[:4]`` of its first; ``encoder.lora`` or
        ``lm.lora``, low-rank updates [1]_ of all linear maps in its blocks, ``lm.lora[-4:]`` in
        those.
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
        if match is None:
            raise InputError(
                "train: expected adapter, encoder, encoder[-N:], encoder[:N], encoder.lora or "
                f"encoder.lora[-N:], or the same of lm, got {part!r}"
            )
        chosen.append(match)
    model.requires_grad_(False)
    # Updates first, since adding them freezes what they are added to.
    for match in sorted(chosen, key=lambda match: match[2] is None):
        whole: nn.Module = getattr(model, match[1] or "adapter")
        if match[2]:
            _add_updates(whole, _named(match, whole), rank, alpha)
        elif match[3] or match[4]:
            blocks = _blocks(whole)[1]
            for number in _named(match, whole):
                blocks[number].requires_grad_(True)
        else:
            whole.requires_grad_(True)


def _named(match: re.Match[str], whole: nn.Module) -> range:
    """Return the numbers of the blocks that a part names."""
    count = len(_blocks(whole)[1])
    wanted = int(match[3] or match[4] or count)
    if not 1 <= wanted <= count:
        raise InputError(f"train: {match[0]}: expected 1 to {count} blocks, got {wanted}")
    return range(count - wanted, count) if match[3] else range(wanted)


def _blocks(module: nn.Module) -> tuple[str, nn.ModuleList]:
    """Return name and blocks of a network: of its lists of modules, the one of most weights."""
    lists = [(name, m) for name, m in module.named_modules() if isinstance(m, nn.ModuleList)]
    if not lists:
        raise InputError(f"train: {type(module).__name__} has no blocks; train the whole of it")
    return max(lists, key=lambda pair: sum(p.numel() for p in pair[1].parameters()))


def _add_updates(module: nn.Module, numbers: range, rank: int, alpha: int) -> None:
    try:
        from peft import LoraConfig, inject_adapter_in_model
        from transformers.pytorch_utils import Conv1D
    except ImportError as error:
        raise BackendError(
            f"train: low-rank updates need peft ({error}); pip install 'speechalign[llm]'"
        ) from None
    name, blocks = _blocks(module)
    maps = {
        f"{name}.{number}.{inner}": isinstance(m, Conv1D)
        for number in numbers
        for inner, m in blocks[number].named_modules()
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
