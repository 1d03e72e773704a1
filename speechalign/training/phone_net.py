"""Training of the networks of neural HMMs, from labels or from another network's posteriors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechalign.errors import BackendError, InputError
from speechalign.files.writing import in_place_of
from speechalign.frames import FrameGrid
from speechalign.models.neural_hmm.log_mel import state_of_frames
from speechalign.training.frame_store import FrameArray

try:
    import torch
    from torch import Tensor, nn
except ImportError as missing:
    raise BackendError(f"train: {missing}; pip install 'speechalign[torch]'") from None

from speechalign.models.neural_hmm.torch_net import TorchPhoneNet

_GROUP = 20  # batches whose recordings are sorted by length together
_WARMUP = 200
_LAST_RATE = 0.02  # share of the largest learning rate that is left at the end
_SAVE = 200  # steps from one checkpoint to the next
_PART = 1 << 16  # rows that are summed at once
_RARE = 1e-4  # added to the share of every phone
_OFF = -1e4  # log posterior of the phones of other languages


@dataclass(frozen=True)
class LanguageFrames:
    """The frames of one language; its phones are some columns of the network's output.

    Parameters
    ----------
    name : str
        For messages.
    first, phones : int
        First column and number of columns.
    mels : Sequence[FrameArray]
        Log-mel features of the clean recordings, then of corrupted copies.
    states : Sequence[FrameArray]
        An encoder's states for as many copies; empty for a network without encoder.
    grid : FrameGrid or None
        Where the states lie in time; None without an encoder.
    targets : FrameArray
        Numbers of phones, width 1, counted from 0 in each language; or natural-log posteriors of
        the phones; or, for a network of attributes, the columns that each frame may have: one
        uint64, column c is bit c.
    chosen : ndarray, (K,), int64
        Numbers of the recordings to learn from.
    """

    name: str
    first: int
    phones: int
    mels: Sequence[FrameArray]
    states: Sequence[FrameArray]
    grid: FrameGrid | None
    targets: FrameArray
    chosen: np.ndarray


@dataclass(frozen=True)
class FitOptions:
    """Settings of the training of a network.

    Parameters
    ----------
    epochs : float
        Passes over all recordings; where ``each_copy`` is set, over all their copies.
    each_copy : bool
        Whether every copy is heard in each epoch, rather than one that is drawn.
    batch : int
        Recordings of a step.
    rate : float
        Largest learning rate of AdamW; it rises for 200 steps and falls as a cosine.
    smoothing : float
        Label smoothing over the phones of the language; with posteriors there is none.
    groups : tuple[int, ...]
        Sizes of the groups of columns of a network of attributes, one softmax each; empty for a
        network of phones.
    tilt : float
        Standard deviation of a random spectral tilt: natural-log units at the highest band.
    seed : int
        Of weights, batches and draws.
    """

    epochs: float
    each_copy: bool = True
    batch: int = 24
    rate: float = 1.5e-3
    smoothing: float = 0.05
    groups: tuple[int, ...] = ()
    tilt: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", tuple(self.groups))


_Item = tuple[LanguageFrames, int, int]  # language, recording, copy


@dataclass(frozen=True)
class _Batch:
    mels: Tensor
    inside: Tensor
    states: Tensor | None
    cells: Tensor | None
    numbers: Tensor | None  # of phones, as columns
    log_posteriors: Tensor | None
    allowed: Tensor | None  # columns that a frame may have
    columns: Tensor  # 0 for the columns of the language, else _OFF


def fit(
    net: TorchPhoneNet,
    languages: Sequence[LanguageFrames],
    options: FitOptions,
    *,
    checkpoint: Path,
    report: Callable[[int, int, float], None],
) -> None:
    """Train a network in place.

    Parameters
    ----------
    net : TorchPhoneNet
        Its output has the columns of all languages.
    languages : Sequence[LanguageFrames]
        What it learns from.
    options : FitOptions
        How.
    checkpoint : Path
        File of the state of training; a run that finds it goes on from there.
    report : Callable[[int, int, float], None]
        Called after each step with its number, the number of all, and the loss.

    Raises
    ------
    InputError
        No recordings, the checkpoint is of another run, or the loss is not finite.

    Notes
    -----
    The loss is the mean cross-entropy of frames, between the softmax over the phones of the
    recording's language and the label, or the teacher's posteriors [1]_. For a network of
    attributes, it is the sum over groups of ``-log sum p(v)`` over the values v that a frame may
    have. Matrix products are in bfloat16 where the processor has it. An interrupted run ends with
    the weights of one that was not, to the bit.

    References
    ----------
    .. [1] G. Hinton, O. Vinyals and J. Dean, "Distilling the Knowledge in a Neural Network", 2015.
    """
    items: list[_Item] = [
        (language, int(number), copy)
        for language in languages
        for number in language.chosen
        for copy in (range(len(language.mels)) if options.each_copy else (-1,))
    ]
    if not items:
        raise InputError("no recordings to train on")
    batch = min(options.batch, len(items))
    steps = max(1, int(len(items) / batch * options.epochs))
    torch.manual_seed(options.seed)
    optimizer = torch.optim.AdamW(net.parameters(), options.rate, weight_decay=0.01)
    facts = (repr(options), len(items), [tuple(p.shape) for p in net.parameters()])
    begun = _resume(checkpoint, facts, net, optimizer)
    net.train()
    batches = _batches(items, batch, options.seed)
    for step, chosen in zip(range(steps), batches):
        if step < begun:
            continue
        for group in optimizer.param_groups:
            group["lr"] = options.rate * _schedule(step, steps)
        rng = np.random.default_rng((options.seed, 1, step))
        torch.manual_seed(options.seed + step)
        loss = _loss(net, _collate(chosen, net, rng, options.tilt), options)
        if not loss.isfinite():
            raise InputError(f"step {step}: the loss is {loss.item()}")
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % _SAVE == 0 or step + 1 == steps:
            saved = {"facts": facts, "step": step + 1, "net": net.state_dict()}
            with in_place_of(checkpoint) as path:
                torch.save({**saved, "optimizer": optimizer.state_dict()}, path)
        report(step + 1, steps, loss.item())
    net.eval()


def log_prior(posteriors: FrameArray) -> np.ndarray:
    """Return the log of each phone's share of all frames, (P,) float64; rare ones count as more."""
    total = np.zeros(posteriors.width)
    for first in range(0, len(posteriors.rows), _PART):
        total += np.exp(posteriors.rows[first : first + _PART].astype(np.float64)).sum(axis=0)
    found: np.ndarray = np.log(total / total.sum() + _RARE)
    return found


@torch.inference_mode()
def log_posteriors(net: TorchPhoneNet, language: LanguageFrames, number: int) -> np.ndarray:
    """Return the natural-log posteriors of the clean copy of a recording, (T, P) float32."""
    batch = _collate([(language, number, 0)], net)
    return _log_softmax(net, batch)[0][:, : language.phones].numpy()


@torch.inference_mode()
def frame_accuracy(
    net: TorchPhoneNet, language: LanguageFrames, copy: int, groups: Sequence[int] = ()
) -> float:
    """Return the share of frames whose most probable phone is the label, or the teacher's.

    For a network of attributes, ``groups`` as in `FitOptions`, it is the mean share of the groups.
    """
    right = count = 0
    for number in language.chosen.tolist():
        batch = _collate([(language, number, copy)], net)
        if batch.allowed is not None:
            logits = net(batch.mels, batch.inside, batch.states, batch.cells)[0]
            for own, may in zip(_split(logits, groups), _split(batch.allowed[0], groups)):
                right += int(may.gather(1, own.argmax(-1)[:, None]).sum())
                count += len(own)
            continue
        found = _log_softmax(net, batch)[0].argmax(-1)
        if batch.numbers is not None:
            wanted = batch.numbers[0] - language.first
        else:
            assert batch.log_posteriors is not None
            wanted = batch.log_posteriors[0].argmax(-1) - language.first
        right, count = right + int((found == wanted).sum()), count + len(wanted)
    return right / max(1, count)


@torch.inference_mode()
def mean_loss(net: TorchPhoneNet, language: LanguageFrames, options: FitOptions) -> float:
    """Return the loss of the clean recordings that are chosen, a frame of them, without dropout."""
    training = net.training
    net.eval()
    total, count = 0.0, 0
    for number in language.chosen.tolist():
        batch = _collate([(language, number, 0)], net)
        frames = int(batch.inside.sum())
        total, count = total + frames * _loss(net, batch, options).item(), count + frames
    net.train(training)
    return total / max(1, count)


def _log_softmax(net: TorchPhoneNet, batch: _Batch) -> Tensor:
    """Return the (1, T, P) log posteriors of the phones of one recording's language."""
    logits = net(batch.mels, batch.inside, batch.states, batch.cells).float()
    found: Tensor = logits[..., batch.columns[0, 0] == 0].log_softmax(-1)
    return found


def _split(values: Tensor, groups: Sequence[int]) -> tuple[Tensor, ...]:
    """Split the last axis into groups of columns."""
    return torch.split(values, list(groups), -1)


def has_fast_bfloat16() -> bool:
    """Tell whether the processor multiplies in bfloat16; elsewhere that is slow."""
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16"))


def _loss(net: TorchPhoneNet, batch: _Batch, options: FitOptions) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16, enabled=has_fast_bfloat16()):
        logits = net(batch.mels, batch.inside, batch.states, batch.cells)
    inside, smoothing = batch.inside, options.smoothing
    if batch.allowed is not None:
        total = torch.zeros(())
        closed = (1 - batch.allowed[inside]) * _OFF
        split = _split(logits.float()[inside], options.groups)
        for own, shut in zip(split, _split(closed, options.groups)):
            total = total - (own.log_softmax(-1) + shut).logsumexp(-1).mean()
        return total
    columns = batch.columns.expand_as(logits)[inside]
    found = (logits.float()[inside] + columns).log_softmax(-1)
    if batch.log_posteriors is not None:
        soft: Tensor = -(batch.log_posteriors[inside].exp() * found).sum(-1).mean()
        return soft
    assert batch.numbers is not None
    own = columns == 0
    label = -found.gather(1, batch.numbers[inside][:, None])[:, 0]
    others = -(found * own).sum(1) / own.sum(1)
    hard: Tensor = ((1 - smoothing) * label + smoothing * others).mean()
    return hard


def _collate(
    items: Sequence[_Item],
    net: TorchPhoneNet,
    rng: np.random.Generator | None = None,
    tilt: float = 0.0,
) -> _Batch:
    count, outputs = len(items), net.output.out_features // net.config.stack
    frames = max(int(language.mels[0].counts[number]) for language, number, _ in items)
    bands = items[0][0].mels[0].width
    hears = items[0][0].grid is not None
    masks = items[0][0].targets.rows.dtype == np.uint64
    soft = items[0][0].targets.width > 1
    mels = np.zeros((count, frames, bands), np.float32)
    inside = np.zeros((count, frames), np.bool_)
    cells = np.zeros((count, frames), np.int64)
    found: list[np.ndarray] = []
    numbers = np.zeros((count, frames), np.int64)
    posteriors = np.full((count, frames, outputs if soft else 0), _OFF, np.float32)
    columns = np.full((count, 1, outputs), _OFF, np.float32)
    allowed = np.ones((count, frames, outputs if masks else 0), np.float32)
    for row, (language, number, copy) in enumerate(items):
        drawn = copy
        if rng is not None and copy < 0:
            drawn = int(rng.integers(len(language.mels)))
        own = language.mels[drawn][number].astype(np.float32)
        if rng is not None and tilt:
            own += (rng.normal(0, tilt) * np.linspace(-1, 1, bands)).astype(np.float32)
        length = len(own)
        mels[row, :length] = own
        inside[row, :length] = True
        last = language.first + language.phones
        columns[row, 0, language.first : last] = 0
        targets = language.targets[number]
        if masks:
            bits = targets.astype(np.uint64) >> np.arange(outputs, dtype=np.uint64)
            allowed[row, :length] = bits & np.uint64(1)
        elif soft:
            posteriors[row, :length, language.first : last] = targets
        else:
            numbers[row, :length] = targets[:, 0].astype(np.int64) + language.first
        if language.grid is not None:
            found.append(language.states[drawn][number])
            cells[row, :length] = state_of_frames(language.grid, length, len(found[-1]))
    states = None
    if hears:
        states = np.zeros((count, max(map(len, found)), found[0].shape[1]), np.float32)
        for row, values in enumerate(found):
            states[row, : len(values)] = values
    return _Batch(
        torch.from_numpy(mels),
        torch.from_numpy(inside),
        None if states is None else torch.from_numpy(states),
        torch.from_numpy(cells) if hears else None,
        None if soft or masks else torch.from_numpy(numbers),
        torch.from_numpy(posteriors) if soft else None,
        torch.from_numpy(allowed) if masks else None,
        torch.from_numpy(columns),
    )


def _batches(items: Sequence[_Item], batch: int, seed: int) -> Iterator[list[_Item]]:
    """Draw batches of recordings of like length, epoch after epoch, without end."""
    lengths = np.array([language.mels[0].counts[number] for language, number, _ in items])
    epoch = 0
    while True:
        rng = np.random.default_rng((seed, 0, epoch))
        shuffled = rng.permutation(len(items))
        epoch += 1
        found: list[np.ndarray] = []
        for first in range(0, len(items), batch * _GROUP):
            group = shuffled[first : first + batch * _GROUP]
            group = group[np.argsort(lengths[group], kind="stable")]
            found += [group[k : k + batch] for k in range(0, len(group) - batch + 1, batch)]
        for n in rng.permutation(len(found)):
            yield [items[k] for k in found[n]]


def _schedule(step: int, steps: int) -> float:
    falling = 0.5 + 0.5 * np.cos(np.pi * step / steps)
    return float(min(1.0, (step + 1) / _WARMUP) * (_LAST_RATE + (1 - _LAST_RATE) * falling))


def _resume(
    checkpoint: Path, facts: object, net: TorchPhoneNet, optimizer: torch.optim.Optimizer
) -> int:
    """Return the number of steps that are done."""
    if not checkpoint.is_file():
        return 0
    try:
        saved = torch.load(checkpoint, weights_only=True)
    except Exception as error:  # torch has no error of its own for damaged files
        raise InputError(f"{checkpoint}: damaged ({error}); remove it") from None
    if tuple(saved["facts"]) != facts:
        raise InputError(
            f"{checkpoint}: of a run with other settings or recordings; remove it to begin anew"
        )
    net.load_state_dict(saved["net"])
    optimizer.load_state_dict(saved["optimizer"])
    return int(saved["step"])
