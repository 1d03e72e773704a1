"""Train a convolutional CTC model of phones, or fine-tune one with other losses.

    python -m recipes.steps.train_ctc conf/train.yaml data/features exp/baseline
    python -m recipes.steps.train_ctc conf/latency.yaml data/features exp/latency \
        --init exp/baseline/model
    torchrun --nproc-per-node 4 -m recipes.steps.train_ctc conf/train.yaml data/features exp/x

The YAML file holds the keywords of `Training`, and under ``network`` those of `ConvCTCConfig`.
FEATURES has train/ and dev/, as compute_features.py writes them. OUT gets model/, which
`speechalign align` takes; checkpoint.pt, from which an interrupted run goes on as if it had never
stopped; log.jsonl; and tensorboard/.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from recipes.trainer.checkpoint import Checkpoint, read_yaml, settings
from recipes.trainer.decoding import error_rate
from recipes.trainer.feature_store import Batch, FeatureStore
from recipes.trainer.objective import Augmentation, Objective
from recipes.trainer.progress import Progress, Writer
from speechalign.errors import InputError, SpeechAlignError
from speechalign.models.ctc.conv_ctc import BLANK, ConvCTC, load
from speechalign.models.ctc.conv_net import ConvCTCConfig, ConvCTCNet, with_context
from speechalign.vocabulary import Vocabulary


@dataclass(frozen=True)
class Training:
    """How a model is trained.

    Parameters
    ----------
    steps : int
        Updates of the weights.
    name : str
        What the model calls itself.
    losses : Mapping[str, Mapping[str, float]]
        Names, each with its weight and keywords; see `Objective`.
    batch_seconds : float
        Padded speech in a batch, on each process.
    learning_rate : float
        The highest; it rises over ``warmup`` steps, then falls to nothing as half a cosine.
    weight_decay : float
        Of AdamW.
    clip : float
        Largest norm of the gradient.
    validate_every : int
        Steps between two measurements of dev, each with a checkpoint.
    patience : int or None
        Stop after so many measurements without a lower error rate, and keep the weights of the
        lowest; None trains to the end and keeps the last.
    seed : int
        Of weights, batches, masks, dropout and samples. Step n draws the same numbers whether or
        not the run was interrupted before.
    network : ConvCTCConfig or None
        Sizes and context; None for those of the model that is fine-tuned, or the defaults. A model
        that is fine-tuned may get another ``right_context``, nothing else.
    augmentation : Augmentation
        Masks.
    """

    steps: int
    name: str = "conv-ctc"
    losses: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: {"ctc": {}})
    batch_seconds: float = 60.0
    learning_rate: float = 2e-3
    warmup: int = 300
    weight_decay: float = 0.01
    clip: float = 1.0
    validate_every: int = 500
    patience: int | None = None
    seed: int = 1
    network: ConvCTCConfig | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def read_training(path: Path, **changes: object) -> Training:
    """Read a YAML file; InputError names an unknown key."""
    data = read_yaml(path, **changes)
    network = None
    if "network" in data:
        network = ConvCTCConfig.from_keywords(data.pop("network"), source=f"{path}: network")
    masks = settings(Augmentation, data.pop("augmentation", {}), source=str(path))
    if "steps" not in data:
        raise InputError(f"{path}: expected a value for steps, found none")
    keywords = {**data, "network": network, "augmentation": masks}
    return settings(Training, keywords, source=str(path))


@dataclass
class State:
    """What changes while training."""

    step: int = 0
    infeasible: int = 0
    best: float = math.inf
    stale: int = 0


class _Epoch(NamedTuple):
    """The batches of steps ``[begin, end)``."""

    number: int
    begin: int
    end: int
    batches: list[list[int]]


class Trainer:
    """One process of a training run.

    Parameters
    ----------
    training : Training
        How.
    train, dev : FeatureStore
        On what, and what is measured.
    out : Path
        Where checkpoint, log and model go.
    initial : ConvCTC or None
        The model that is fine-tuned; None for a new one.
    """

    def __init__(
        self,
        training: Training,
        train: FeatureStore,
        dev: FeatureStore,
        out: Path,
        *,
        initial: ConvCTC | None,
    ) -> None:
        self.training = training
        self.train_store, self.dev_store = train, dev
        self.out = out
        self.rank = distributed.get_rank() if distributed.is_initialized() else 0
        self.world = distributed.get_world_size() if distributed.is_initialized() else 1
        self.device = _device()
        torch.manual_seed(training.seed)
        if initial is None:
            phones = sorted({phone for entry in train.entries for phone in entry.phones})
            vocabulary = Vocabulary([BLANK, *phones], blank=BLANK)
            net = ConvCTCNet(training.network or ConvCTCConfig(), len(vocabulary))
            mean, deviation = train.moments()
            net.mean.copy_(torch.from_numpy(mean))
            net.deviation.copy_(torch.from_numpy(deviation))
        else:
            net, vocabulary = initial.net, initial.vocabulary
            if training.network is not None:
                net = with_context(net, training.network.right_context)
                if net.config != training.network:
                    raise InputError(
                        f"network: expected the initial model's, but for right_context, "
                        f"{net.config}, got {training.network}"
                    )
        self.model = ConvCTC(
            net.to(self.device),
            vocabulary,
            name=training.name,
            language="en",
            licence="see the data it was trained on",
        )
        self.symbols = {symbol: i for i, symbol in enumerate(vocabulary.symbols)}
        assert vocabulary.blank is not None
        self.objective = Objective(
            net, training.losses, augmentation=training.augmentation, blank=vocabulary.blank
        ).to(self.device)
        self.parallel = DistributedDataParallel(self.objective) if self.world > 1 else None
        self.optimizer = torch.optim.AdamW(
            net.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
        )
        self._checkpoint = Checkpoint(out, training, may_change=["steps"])
        self.state = State()
        self.best_weights: dict[str, torch.Tensor] | None = None
        self._epoch = _Epoch(-1, 0, 0, [])

    def save(self) -> None:
        """Write the checkpoint."""
        self._checkpoint.save(
            {
                "state": asdict(self.state),
                "objective": self.objective.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "best": self.best_weights,
            }
        )

    def resume(self) -> None:
        """Go on from the checkpoint, where there is one."""
        self._checkpoint.resume(self.device, self._restore)

    def _restore(self, content: Mapping[str, Any]) -> None:
        self.objective.load_state_dict(content["objective"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.state = State(**content["state"])
        self.best_weights = content["best"]

    def batch(self, step: int) -> Batch:
        """Return this process's batch of a step; it depends on the seed and the step only."""
        epoch = self._epoch
        while step >= epoch.end:
            batches = self.train_store.batches(
                self.training.batch_seconds, seed=self.training.seed, epoch=epoch.number + 1
            )
            steps = len(batches) // self.world
            if steps == 0:
                raise InputError(
                    f"batch_seconds: {len(batches)} batches for {self.world} processes; lower it"
                )
            epoch = _Epoch(epoch.number + 1, epoch.end, epoch.end + steps, batches)
        self._epoch = epoch
        indices = epoch.batches[(step - epoch.begin) * self.world + self.rank]
        return self.train_store.batch(indices, self.symbols)

    def step(self) -> dict[str, float]:
        """Update the weights once."""
        training, state = self.training, self.state
        batch = self.batch(state.step)
        seed = np.random.SeedSequence((training.seed, state.step, self.rank)).generate_state(1)
        torch.manual_seed(int(seed[0]))
        rate = training.rate(state.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.objective.train()
        self.optimizer.zero_grad(set_to_none=True)
        try:
            with torch.autocast(self.device.type, torch.bfloat16, self.device.type == "cuda"):
                losses = (self.parallel or self.objective)(
                    batch.features.to(self.device),
                    batch.lengths.to(self.device),
                    batch.targets.to(self.device),
                    batch.target_lengths.to(self.device),
                    batch.words.to(self.device),
                    state.step / training.steps,
                )
            losses.total.backward()
            norm = float(torch.nn.utils.clip_grad_norm_(self.model.net.parameters(), training.clip))
            if not math.isfinite(norm):
                raise InputError(f"the gradient is {norm}")
        except InputError as error:
            raise InputError(
                f"step {state.step}: {error}; utterances: {' '.join(batch.ids)}; look at them, or "
                "lower learning_rate"
            ) from None
        self.optimizer.step()
        state.step += 1
        state.infeasible += losses.infeasible
        self.objective.after(state.step)
        return {**losses.values, "norm": norm, "rate": rate}

    def validate(self) -> float:
        """Measure the phone error rate of dev, greedily decoded."""
        return error_rate(self.model, self.dev_store, batch_seconds=self.training.batch_seconds)

    def run(self) -> None:
        """Train from the checkpoint, or from the start, to the end."""
        training, state = self.training, self.state
        with (
            Progress(training.steps, state.step, self.rank) as bar,
            Writer(self.out, state.step, self.rank) as log,
        ):
            began = time.monotonic()
            while state.step < training.steps:
                values = self.step()
                bar.advance(values)
                log.write("train", state.step, values)
                if state.step % training.validate_every == 0 or state.step == training.steps:
                    error = self.validate()
                    seconds = time.monotonic() - began
                    log.write("dev", state.step, {"per": error, "seconds": seconds})
                    bar.tell(
                        f"step {state.step}: dev PER {100 * error:.2f} %, "
                        + ", ".join(f"{name} {value:.4g}" for name, value in values.items())
                        + f", {seconds:.0f} s"
                    )
                    if self._stop(error):
                        break
                    if self.rank == 0:
                        self.save()
        if self.best_weights is not None:
            self.model.net.load_state_dict(self.best_weights)
        infeasible = torch.tensor(state.infeasible, device=self.device)
        if self.world > 1:
            distributed.all_reduce(infeasible)
        if self.rank == 0:
            self.model.net.eval()
            self.model.save(self.out / "model")
            if infeasible:
                click.echo(
                    f"{int(infeasible)} times an utterance had more phones than frames and "
                    "was left out of its batch",
                    err=True,
                )

    def _stop(self, error: float) -> bool:
        """Remember the best weights, and tell whether to stop."""
        if self.training.patience is None:
            return False
        if error < self.state.best:
            self.state.best, self.state.stale = error, 0
            net = self.model.net
            self.best_weights = {k: v.detach().clone() for k, v in net.state_dict().items()}
        else:
            self.state.stale += 1
        return self.state.stale >= self.training.patience


def _device() -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


@click.command(help=__doc__)
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("features", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--init", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--seed", type=int, help="Instead of the file's.")
@click.option("--steps", type=int, help="Instead of the file's.")
def main(
    config: Path, features: Path, out: Path, init: Path | None, seed: int | None, steps: int | None
) -> None:
    """Read the settings, join the other processes, train."""
    changes = {name: value for name, value in (("seed", seed), ("steps", steps)) if value}
    training = read_training(config, **changes)
    if "RANK" in os.environ:
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    out.mkdir(parents=True, exist_ok=True)
    initial = None if init is None else load(init)
    network = initial.net.config if initial else training.network or ConvCTCConfig()
    trainer = Trainer(
        training,
        FeatureStore(features / "train", mels=network.mels),
        FeatureStore(features / "dev", mels=network.mels),
        out,
        initial=initial,
    )
    trainer.resume()
    trainer.run()
    if distributed.is_initialized():
        distributed.destroy_process_group()


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    try:
        main()
    except SpeechAlignError as error:
        sys.exit(f"train_ctc.py: {error}")
