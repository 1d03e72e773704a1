"""Training data of a network: recordings, corrupted copies, and labels of each round."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from speechalign.aligners.aligner import Aligner
from speechalign.corpus import Utterance
from speechalign.errors import InputError
from speechalign.models.content import content_hash
from speechalign.models.hmm_gmm.model import HmmGmm
from speechalign.models.neural_hmm.encoder import Encoder
from speechalign.models.neural_hmm.log_mel import SAMPLE_RATE, STRIDE, log_mel
from speechalign.models.neural_hmm.torch_net import TorchPhoneNet
from speechalign.training.articulation_targets import GROUPS, articulated, phone_bits
from speechalign.training.calibration import fitted_calibration
from speechalign.training.copies import copy_of
from speechalign.training.frame_store import FrameArray, FrameStore, held_out
from speechalign.training.labelling import StoredArticulation, StoredHmm, align_frames
from speechalign.training.material import Material, Spoken
from speechalign.training.network_report import NetworkReport
from speechalign.training.phone_net import (
    FitOptions,
    LanguageFrames,
    fit,
    frame_accuracy,
    log_posteriors,
    mean_loss,
)
from speechalign.training.progress import Progress
from speechalign.training.report import Report
from speechalign.training.rounds import Round

_CONFIDENT = 0.5  # recordings that are aligned with less are not trained on
_JUDGED = 10  # steps between two looks at the held-out recordings


@dataclass(frozen=True)
class Share:
    """Recordings held out: one ``of`` so many; none where there are fewer than ``few``."""

    of: int = 25
    few: int = 50


class Course:
    """Training data of a network: recordings of a corpus, corrupted copies, and labels."""

    def __init__(
        self,
        material: Material,
        utterances: Sequence[Utterance],
        work: Path,
        encoder: Encoder | None,
        *,
        bands: int,
        copies: int,
        seed: int,
        progress: Progress,
        held: Share = Share(),
    ) -> None:
        known = {utterance.id: utterance for utterance in utterances}
        self.material = material
        self._utterances = [known[spoken.id] for spoken in material.spoken]
        self._encoder, self._bands, self._seed = encoder, bands, seed
        self._progress = progress
        content = (material.fingerprint, None if encoder is None else encoder.content_hash)
        folder = work / f"frames-{content_hash(*content, bands, copies, seed)}"
        for other in set(work.glob("frames-*")) - {folder}:
            shutil.rmtree(other)  # of a run with other recordings or settings
        self.store = FrameStore(
            folder, [(u.id, len(self._samples(r, 0))) for r, u in enumerate(self._utterances)]
        )
        count = (copies + 1) * len(self._utterances) * (1 if encoder is None else 2)
        done = itertools.count(1)

        def advance() -> None:
            progress.encoded(next(done), count)

        self._mels: list[FrameArray] = []
        self._states: list[FrameArray] = []
        for copy in range(copies + 1):
            self._mels.append(
                self.store.fill(
                    f"mels-{copy}", partial(self._mel, copy), stride=STRIDE, width=bands,
                    dtype=np.float16, advance=advance,
                )
            )  # fmt: skip
            if encoder is not None:
                self._states.append(
                    self.store.fill(
                        f"states-{copy}", partial(self._encoded, encoder, copy),
                        stride=encoder.grid.stride, width=encoder.facts.width, dtype=np.float16,
                        advance=advance,
                    )
                )  # fmt: skip
        every = np.arange(len(self.store))
        kept = [held_out(id, of=held.of) for id in self.store.ids]
        self._held = every[np.array(kept) & (len(every) >= held.few)]
        self._taught = np.setdiff1d(every, self._held)
        self._labels: FrameArray | None = None
        self._targets: FrameArray | None = None
        self._groups: tuple[int, ...] = ()
        self._relabelled: float | None = None
        self._rounds: list[Round] = []

    def _samples(self, number: int, copy: int) -> np.ndarray:
        """Return a recording, or a corrupted copy of it, (N,) float32."""
        seed = f"{self._seed}:{self._utterances[number].id}#{copy}" if copy else None
        return copy_of(self._utterances, number, rate=SAMPLE_RATE, seed=seed)

    def _mel(self, copy: int, number: int) -> np.ndarray:
        return log_mel(self._samples(number, copy), self._bands)

    def _encoded(self, encoder: Encoder, copy: int, number: int) -> np.ndarray:
        return encoder.encode(self._samples(number, copy))

    def frames(self, targets: FrameArray, chosen: np.ndarray, phones: int) -> LanguageFrames:
        """Return some recordings with targets, as `fit` takes them."""
        grid = None if self._encoder is None else self._encoder.grid
        return LanguageFrames("corpus", 0, phones, self._mels, self._states, grid, targets, chosen)

    def label(self, model: HmmGmm | StoredHmm) -> None:
        """Label the frames by the alignments of a model, and choose what is trusted."""
        aligner = Aligner(model)
        labels, confidences = [], np.zeros(len(self.store))
        for number, utterance in enumerate(self._utterances):
            if isinstance(model, StoredHmm):
                model.number = number
            frames = len(self._mels[0][number])
            found, confidences[number] = align_frames(aligner, model, utterance, frames)
            labels.append(found)
            self._progress.passed(number + 1, len(self._utterances))
        rows = np.concatenate(labels)[:, None]
        if self._labels is not None:
            self._relabelled = float((rows != self._labels.rows).mean())
        self._labels = self._targets = FrameArray(rows, self._mels[0].offsets)
        if isinstance(model, StoredArticulation):
            silences, noises = (model.silence,), (model.noise,)
            bits = [phone_bits(p, silences=silences, noises=noises) for p in model.phones]
            rows = np.concatenate([articulated(own, bits) for own in labels])[:, None]
            self._targets, self._groups = FrameArray(rows, self._labels.offsets), GROUPS
        least = min(_CONFIDENT, float(np.median(confidences)))
        trusted = np.flatnonzero((confidences >= least) & (confidences > 0))
        self._taught = np.setdiff1d(trusted, self._held)
        if not len(self._taught):
            raise InputError(
                f"corpus: no utterance fits {model.name}; check language, transcripts and audio"
            )

    def teach(self, net: TorchPhoneNet, number: int, of: int, *, steps: int, epochs: float,
              rate: float, stop_early: bool = False) -> None:  # fmt: skip
        """Train a network on the labels, for so many steps and epochs at least.

        With ``stop_early``, it gets the weights with which held-out recordings are likeliest, where
        any are held out.
        """
        assert self._targets is not None
        phones = net.output.out_features // net.config.stack
        taught = self.frames(self._targets, self._taught, phones)
        tested = self.frames(self._targets, self._held, phones)
        options = FitOptions(epochs=epochs, rate=rate, groups=self._groups, seed=self._seed)
        items = len(self._taught) * len(self._mels)
        batches = items / min(options.batch, items)
        options = replace(options, epochs=max(epochs, steps / batches))
        losses: list[float] = []
        checkpoint = self.store.folder / f"network-{number}.pt"
        best = _Best(net, tested, options) if stop_early and len(self._held) else None
        if best is not None:
            checkpoint.unlink(missing_ok=True)  # it does not have the best weights

        def report(step: int, count: int, loss: float) -> None:
            losses.append(loss)
            self._progress.stepped(step, count, loss)
            if best is not None and (step % _JUDGED == 0 or step == count):
                best.judge(step)

        fit(net, [taught], options, checkpoint=checkpoint, report=report)
        if best is not None:
            net.load_state_dict(best.weights)
        accuracies = [
            frame_accuracy(net, tested, copy, self._groups) if len(self._held) else None
            for copy in range(min(2, len(self._mels)))
        ]
        last = losses[-max(1, len(losses) // 10) :]
        clean, corrupted = [*accuracies, None, None][:2]
        self._rounds.append(
            Round(
                number, of, int(batches * options.epochs), float(np.mean(last)) if last else None,
                self._relabelled, clean, corrupted, None if best is None else best.step,
            )
        )  # fmt: skip
        self._progress.learnt(self._rounds[-1])

    def posteriors(self, net: TorchPhoneNet, number: int, phones: int) -> FrameArray:
        """Return the log posteriors of a network on all recordings."""
        offsets = self._mels[0].offsets
        none = FrameArray(np.zeros((int(offsets[-1]), 1), np.int16), offsets)
        frames = self.frames(none, np.arange(len(self.store)), phones)
        return self.store.fill(
            f"posteriors-{number}", lambda r: log_posteriors(net, frames, r),
            stride=STRIDE, width=phones, dtype=np.float16,
        )  # fmt: skip

    def calibration(self, model: StoredHmm) -> tuple[float, float]:
        """Return the calibration that fits a model."""
        places = {id: number for number, id in enumerate(self.store.ids)}

        def score(spoken: Spoken) -> np.ndarray:
            return model.scores(places[spoken.id])

        return fitted_calibration(model, self.material.spoken, score, seed=self._seed)

    def report(self, first: Report | None = None) -> NetworkReport:
        """Return what was found out."""
        material = self.material
        return NetworkReport(
            utterances=len(material.spoken),
            seconds=material.frames * STRIDE / SAMPLE_RATE,
            speakers=len({spoken.speaker for spoken in material.spoken}),
            left_out=material.left_out,
            rounds=tuple(self._rounds),
            first_labels=first,
        )


class _Best:
    """The weights of a network with which held-out recordings were likeliest."""

    def __init__(self, net: TorchPhoneNet, tested: LanguageFrames, options: FitOptions) -> None:
        self._net, self._tested, self._options = net, tested, options
        self._loss = float("inf")
        self.judge(0)

    def judge(self, step: int) -> None:
        """Look at the weights of a step."""
        loss = mean_loss(self._net, self._tested, self._options)
        if loss < self._loss:
            self._loss, self.step = loss, step
            self.weights = {name: value.clone() for name, value in self._net.state_dict().items()}
