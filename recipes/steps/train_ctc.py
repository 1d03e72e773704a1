"""Train a convolutional CTC model of phones, or fine-tune one with other losses.

    python -m recipes.steps.train_ctc conf/train.yaml data/features exp/baseline
    python -m recipes.steps.train_ctc conf/latency.yaml data/features exp/latency \
        --init exp/baseline/model
    torchrun --nproc-per-node 4 -m recipes.steps.train_ctc conf/train.yaml data/features exp/x

The YAML file holds the keywords of `Training`, and under ``network`` those of `ConvCTCConfig`.
FEATURES has train/ and dev/, as compute_features.py writes them. The program writes to OUT: model/,
which `speechalign align` takes; checkpoint.pt, from which an interrupted run continues as if it had
never stopped; log.jsonl; and tensorboard/.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click
import torch

from recipes.trainer.ctc_trainer import CtcTrainer, CtcTraining
from recipes.trainer.feature_store import FeatureStore
from recipes.trainer.objective import Augmentation
from recipes.trainer.settings import make_settings, override_options, read_yaml
from recipes.trainer.trainer import start
from speechalign.errors import InputError
from speechalign.models.ctc.conv_ctc import BLANK, ConvCTC, load
from speechalign.models.ctc.conv_net import ConvCTCConfig, ConvCTCNet, with_context
from speechalign.vocabulary import Vocabulary


@dataclass(frozen=True)
class Training(CtcTraining):
    """Settings of a run, beside those of `CtcTraining`.

    Parameters
    ----------
    network : ConvCTCConfig or None
        Sizes and context; None for those of the model that is fine-tuned, or the defaults. A model
        that is fine-tuned may get another ``right_context``, nothing else.
    """

    name: str = "conv-ctc"
    network: ConvCTCConfig | None = None


def read_training(path: Path, **changes: object) -> Training:
    """Read a YAML file; InputError names an unknown key."""
    data = read_yaml(path, **changes)
    if "network" in data:
        data["network"] = ConvCTCConfig.from_keywords(data["network"], source=f"{path}: network")
    masks = data.get("augmentation", {})
    data["augmentation"] = make_settings(Augmentation, masks, source=f"{path}: augmentation")
    return make_settings(Training, data, source=str(path))


class PhoneTrainer(CtcTrainer):
    """A training run of a CTC model of phones.

    Parameters
    ----------
    training : Training
        Settings of the run.
    train, dev : FeatureStore
        Speech to train on, and to evaluate on.
    out : Path
        Folder of the run.
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
        torch.manual_seed(training.seed)
        given = None if initial is None else initial.net.state_dict()
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
        model = ConvCTC(
            net,
            vocabulary,
            name=training.name,
            language="en",
            licence="see the data it was trained on",
        )
        super().__init__(training, model, train, dev, out, given=given)


@click.command(help=__doc__)
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("features", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--init",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Model to fine-tune (default: a new one).",
)
@override_options
def main(
    config: Path, features: Path, out: Path, init: Path | None, seed: int | None, steps: int | None
) -> None:
    """Read the settings, train."""
    training = read_training(config, seed=seed, steps=steps)
    out.mkdir(parents=True, exist_ok=True)
    initial = None if init is None else load(init)
    network = initial.net.config if initial else training.network or ConvCTCConfig()
    train, dev = (FeatureStore(features / name, mels=network.mels) for name in ("train", "dev"))
    PhoneTrainer(training, train, dev, out, initial=initial).run()


if __name__ == "__main__":
    start(main)
