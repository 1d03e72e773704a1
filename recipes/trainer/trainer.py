"""The training loop of all recipes.

A program subclasses `Trainer` and adds its model, batches, losses and evaluation. Seeds, several
processes, accumulation, clipping, checkpoints, logs, averaging and early stop are here.

Why not accelerate or lightning-fabric: they place tensors and join processes, which takes 30 of the
lines below. The rest would have to be written around them: random numbers that depend on the step
only, so that a resumed run equals an undisturbed one bit for bit; checkpoints that refuse other
settings; the choice of the final weights.
"""

from __future__ import annotations

import importlib
import math
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, distributed, nn

from recipes.program import run
from recipes.trainer.checkpoint import Checkpoint
from recipes.trainer.progress import Progress, Writer
from recipes.trainer.settings import Settings
from speechalign.errors import InputError

B = TypeVar("B")


class Epochs(Generic[B]):
    """The endless sequence of batches of one epoch after another.

    Parameters
    ----------
    cut : Callable[[int], Sequence[B]]
        Returns the batches of an epoch, counted from 0.
    """

    def __init__(self, cut: Callable[[int], Sequence[B]]) -> None:
        self._cut = cut
        self._epoch, self._begin, self._batches = 0, 0, cut(0)

    def __getitem__(self, number: int) -> B:
        if number < self._begin:
            self._epoch, self._begin, self._batches = 0, 0, self._cut(0)
        while number >= self._begin + len(self._batches):
            if not self._batches:
                raise InputError("no batches: the data to train on is empty")
            self._begin += len(self._batches)
            self._epoch += 1
            self._batches = self._cut(self._epoch)
        return self._batches[number - self._begin]


class Trainer(ABC, Generic[B]):
    """A training run, or one of its processes.

    Parameters
    ----------
    settings : Settings
        Settings of the run.
    module : nn.Module
        What is trained: its parameters that require gradients.
    out : Path
        Folder of the checkpoint and the log.
    device : torch.device or None
        Where to train; None for the GPU of this process where there is one, else the CPU.
    betas : tuple[float, float]
        Betas of AdamW.
    identity : dataclass or None
        Settings that a checkpoint must share; None for ``settings``.
    given : Mapping[str, Tensor]
        Weights that the run was given, which a checkpoint must share.

    Attributes
    ----------
    step_count : int
        Steps done.
    """

    split: ClassVar[str] = "dev"
    """What `evaluate` measures; its name in the log."""
    criterion: ClassVar[str] = ""
    """The figure of `evaluate` that ``patience`` looks at; lower is better."""

    def __init__(
        self,
        settings: Settings,
        module: nn.Module,
        out: Path,
        *,
        device: torch.device | None = None,
        betas: tuple[float, float] = (0.9, 0.999),
        identity: object = None,
        given: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.settings, self.out = settings, out
        self.rank = distributed.get_rank() if distributed.is_initialized() else 0
        self.world = distributed.get_world_size() if distributed.is_initialized() else 1
        self.device = _device() if device is None else device
        self.module = module.to(self.device)
        self.trained = {n: p for n, p in module.named_parameters() if p.requires_grad}
        self.optimizer = torch.optim.AdamW(
            self.trained.values(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            betas=betas,
        )
        self.step_count = 0
        self._best, self._stale = math.inf, 0
        self._chosen: list[dict[str, Tensor]] = []
        self._checkpoint = Checkpoint(
            out, settings if identity is None else identity, given=given or {}
        )

    # What a program defines.

    @abstractmethod
    def batch(self, number: int) -> B:
        """Return a batch, counted from 0; it depends on the seed and the number only."""

    @abstractmethod
    def names(self, batch: B) -> str:
        """Return what a batch consists of, for messages."""

    @abstractmethod
    def losses(self, batch: B) -> tuple[Tensor, dict[str, float]]:
        """Return the loss of a batch, and figures for the log."""

    @abstractmethod
    def evaluate(self) -> dict[str, float]:
        """Return the figures of the model as it is."""

    @abstractmethod
    def write_model(self) -> None:
        """Write the trained model."""

    # What a program may define otherwise.

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        return self.settings.rate(step)

    def is_due(self, step: int) -> bool:
        """Return whether to evaluate after ``step`` steps."""
        return step % self.settings.validate_every == 0 or step == self.settings.steps

    def seed_step(self) -> None:
        """Seed torch's generator for the next step."""
        entropy = (self.settings.seed, self.step_count, self.rank)
        torch.manual_seed(int(np.random.SeedSequence(entropy).generate_state(1)[0]))

    def set_training_mode(self) -> None:
        """Turn dropout on."""
        self.module.train()

    def weights(self) -> dict[str, Tensor]:
        """Return what a checkpoint holds of the module."""
        weights: dict[str, Tensor] = self.module.state_dict()
        return weights

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Replace what `weights` returns."""
        self.module.load_state_dict(weights)

    def state(self) -> dict[str, object]:
        """Return everything that the next step depends on."""
        return {
            "step": self.step_count,
            "weights": self.weights(),
            "optimizer": self.optimizer.state_dict(),
            "best": self._best,
            "stale": self._stale,
            "chosen": self._chosen,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state` returned."""
        self.load_weights(state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step_count = state["step"]
        self._best, self._stale, self._chosen = state["best"], state["stale"], state["chosen"]

    # The loop.

    def run(self) -> None:
        """Train to the end, from the checkpoint where there is one, and write the model."""
        self.resume()
        with (
            Progress(self.settings.steps, self.step_count, self.rank) as bar,
            Writer(self.out, self.step_count, self.rank) as log,
        ):
            began = time.monotonic()
            while self.step_count < self.settings.steps and not self._is_stale():
                values = self.step()
                bar.advance(values)
                log.write("train", self.step_count, values)
                if self.is_due(self.step_count):
                    found = self.evaluate()
                    self._choose(found)
                    seconds = time.monotonic() - began
                    log.write(self.split, self.step_count, found | {"seconds": seconds})
                    bar.tell(
                        f"step {self.step_count}: {self.split} {_figures(found)}; "
                        f"train {_figures(values)}; {seconds:.0f} s"
                    )
                    if self.rank == 0:
                        self.save()
        if self._chosen:
            self.load_weights(_mean(self._chosen))
        if self.rank == 0:
            self.write_model()

    def step(self) -> dict[str, float]:
        """Update the weights once; return the figures of the step.

        Raises
        ------
        InputError
            The gradient is not finite, or a loss refuses a batch; the message names the batch.
        """
        settings, step = self.settings, self.step_count
        rate = self.rate(step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        first = step * settings.accumulate * self.world + self.rank
        batches = [self.batch(first + k * self.world) for k in range(settings.accumulate)]
        self.seed_step()
        self.set_training_mode()
        self.optimizer.zero_grad(set_to_none=True)
        found = []
        try:
            for batch in batches:
                loss, values = self.losses(batch)
                (loss / len(batches)).backward()  # type: ignore[no-untyped-call]
                found.append(values)
            self._average_gradients()
            parameters = self.trained.values()
            norm = float(torch.nn.utils.clip_grad_norm_(parameters, settings.clip))
            if not math.isfinite(norm):
                raise InputError(f"the gradient is {norm}")
        except InputError as error:
            raise InputError(
                f"step {step}: {error}; {'; '.join(map(self.names, batches))}; look at them, or "
                "lower learning_rate"
            ) from None
        self.optimizer.step()
        self.step_count += 1
        return {**mean_figures(found), "norm": norm, "rate": rate}

    def save(self) -> None:
        """Write the checkpoint."""
        self._checkpoint.save(self.state())

    def resume(self) -> None:
        """Restore the checkpoint where there is one.

        Raises
        ------
        InputError
            The checkpoint is damaged, was written with other settings, or is of a longer run.
        """
        self._checkpoint.resume(self.device, self.restore)
        if self.step_count > self.settings.steps:
            raise InputError(
                f"{self._checkpoint.path}: trained for {self.step_count} steps, more than the "
                f"{self.settings.steps} of the settings; delete {self.out}, or train elsewhere"
            )

    def _average_gradients(self) -> None:
        """Replace each gradient by its mean over the processes.

        DistributedDataParallel does the same for a loss that is the output of one module; here it
        may be any function of a batch.
        """
        if self.world == 1:
            return
        shares = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.trained.values()]
        total = torch.cat([share.flatten() for share in shares])
        distributed.all_reduce(total)
        means = torch.split(total / self.world, [share.numel() for share in shares])
        for parameter, mean in zip(self.trained.values(), means):
            parameter.grad = mean.view_as(parameter).to(parameter.dtype)

    def _choose(self, found: Mapping[str, float]) -> None:
        """Keep a copy of the weights where they are among those that the model may get."""
        if self.settings.patience is None:
            if self.settings.average > 1:
                self._chosen = [*self._chosen, self._copy()][-self.settings.average :]
            return
        figure = torch.tensor(
            found.get(self.criterion, math.nan), dtype=torch.float64, device=self.device
        )
        if self.world > 1:
            distributed.broadcast(figure, 0)  # All processes stop at the same step.
        if figure.isnan():
            raise InputError(
                f"patience: {self.split} has no {self.criterion}; look at its data, or leave "
                "patience out"
            )
        if float(figure) < self._best:
            self._best, self._stale, self._chosen = float(figure), 0, [self._copy()]
        else:
            self._stale += 1

    def _copy(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self.weights().items()}

    def _is_stale(self) -> bool:
        return self.settings.patience is not None and self._stale >= self.settings.patience


def mean_figures(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each figure."""
    return {name: sum(values[name] for values in found) / len(found) for name in found[0]}


def _mean(weights: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of several states of a module; whole numbers are those of the last."""
    return {
        name: torch.stack([one[name] for one in weights]).mean(0)
        if last.is_floating_point()
        else last
        for name, last in weights[-1].items()
    }


def _figures(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())


def _device() -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


@contextmanager
def joined_processes(**where: Any) -> Iterator[None]:
    """Join the other processes of this run, then part from them.

    ``where`` holds keywords of ``torch.distributed.init_process_group``; without, torchrun's
    environment says who the others are.
    """
    # The first optimizer imports torch._dynamo, which binds the process group of that moment in
    # default arguments. A group that is bound survives `destroy_process_group`, and its threads
    # may abort the process when the interpreter ends. So the import comes first.
    importlib.import_module("torch._dynamo")
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo", **where)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def start(main: Callable[[], None]) -> None:
    """Run the command of a training program.

    The number of threads is that of ``OMP_NUM_THREADS``, else one. Under torchrun, the process
    joins the others first. An error ends the program in one line.
    """
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    with joined_processes() if "RANK" in os.environ else nullcontext():
        run(main)
