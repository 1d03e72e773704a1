"""Training of a neural HMM on a pretrained encoder, and adaptation of any neural HMM."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from speechalign.checks import check_jobs
from speechalign.corpus import Utterance
from speechalign.errors import BackendError, InputError
from speechalign.models.hmm_gmm.model import HmmGmm
from speechalign.models.neural_hmm.articulatory import ArticulatoryHmm
from speechalign.models.neural_hmm.config import NetConfig
from speechalign.models.neural_hmm.encoder import Encoder
from speechalign.models.neural_hmm.folder import save
from speechalign.models.neural_hmm.model import NeuralHmm
from speechalign.pronunciation.lexicon import Lexicon, PronouncingModel, Pronunciations
from speechalign.training.material import check_usable, prepare, work_folder
from speechalign.training.network_report import NetworkReport
from speechalign.training.progress import Progress
from speechalign.training.trainer import fit

try:
    import torch
except ImportError as missing:
    raise BackendError(f"train: {missing}; pip install 'speechalign[torch]'") from None

from speechalign.models.neural_hmm.torch_net import TorchPhoneNet, for_training, for_use
from speechalign.training.course import Course, Share
from speechalign.training.labelling import PRIOR_WEIGHT, StoredArticulation, StoredHmm

# Chosen on read English with an HMM-GMM's labels (egs/robust_english).
_HEAD = NetConfig(channels=256, hidden=512, kernel=5, dilations=(1, 2))
_ACOUSTIC_SCALE = 0.3
# Rounds, and in each, steps and epochs at least: 600 steps for little speech, 1300 for ten hours.
_ROUNDS, _STEPS, _EPOCHS = 2, 600, 2.2
_RATES = (1.5e-3, 7.5e-4)
_ADAPTING_STEPS, _ADAPTING_EPOCHS, _ADAPTING_RATE = 100, 1.0, 3e-4
_ADAPTING_HELD = Share(of=5, few=10)


@dataclass(frozen=True)
class TrainedNetwork:
    """Result of training a network.

    Parameters
    ----------
    model : NeuralHmm
        The model.
    report : NetworkReport
        What was found out.
    """

    model: NeuralHmm
    report: NetworkReport

    def save(self, folder: Path) -> None:
        """Write model, report and model card, as `speechalign.models.neural_hmm.folder` says."""
        texts = {
            "training_report.json": self.report.json(),
            "training_report.txt": self.report.text() + "\n",
            "MODEL_CARD.md": _model_card(self.model, self.report),
        }
        save(self.model, folder, texts=texts)


def train_head(
    utterances: Sequence[Utterance],
    pronunciations: Pronunciations,
    output: str | Path,
    *,
    encoder: Encoder,
    name: str,
    licence: str,
    gaussians: int = 8,
    copies: int = 1,
    jobs: int | None = None,
    seed: int = 0,
    by_speaker: bool = False,
    contexts: bool = False,
    progress: Progress | None = None,
) -> TrainedNetwork:
    """Train a network on the states of a pretrained encoder, from audio and transcripts alone.

    Parameters
    ----------
    utterances, pronunciations, output, name, licence, jobs, progress
        As for `speechalign.training.train`; ``NAME.work`` also holds features.
    encoder : Encoder
        Its weights do not change, and are no part of the model.
    gaussians, by_speaker, contexts
        Of the HMM-GMM that makes the first labels, as for `speechalign.training.train`.
    copies : int
        Corrupted copies of each recording that the network hears too; 0 for none.
    seed : int
        Of corruption, weights and order.

    Returns
    -------
    TrainedNetwork
        The model and the report.

    Raises
    ------
    InputError
        No utterance can be used, or an argument is out of range.
    OSError
        Something cannot be written; a model that was there before still is.

    Notes
    -----
    An HMM-GMM is trained from a flat start, and its alignments of the recordings label the frames.
    The network is trained on these, for the recordings and their corrupted copies alike; then its
    own alignments are the labels of a second round. Transitions, and pauses, are those of the
    HMM-GMM; the prior of a phone is its mean posterior.
    """
    if copies < 0:
        raise InputError(f"copies: expected 0 or more, got {copies}")
    jobs = check_jobs(jobs)
    progress = progress or Progress()
    output = Path(output)
    lexicon = Lexicon(pronunciations)
    with work_folder(output) as work, _torch_threads(jobs):
        material = prepare(
            utterances, lexicon, work, by_speaker=by_speaker, jobs=jobs, progress=progress.prepared
        )
        check_usable(material, progress.warn)
        first = fit(
            material, pronunciations, name=name, licence=licence, gaussians=gaussians,
            contexts=contexts, jobs=jobs, seed=seed, progress=progress,
        )  # fmt: skip
        course = Course(
            material, utterances, work, encoder, bands=_HEAD.bands, copies=copies, seed=seed,
            progress=progress,
        )  # fmt: skip
        phones = len(first.model.phones)
        torch.manual_seed(seed)
        net = TorchPhoneNet(replace(_HEAD, encoder_width=encoder.facts.width), phones)
        model: HmmGmm | StoredHmm = first.model
        for number in range(_ROUNDS):
            course.label(model)
            course.teach(
                net, number + 1, _ROUNDS, steps=_STEPS, epochs=_EPOCHS, rate=_RATES[number]
            )
            model = StoredHmm(first.model, course.posteriors(net, number + 1, phones))
            model.acoustic_scale = _ACOUSTIC_SCALE
            model.calibration = course.calibration(model)
        assert isinstance(model, StoredHmm)
        made = NeuralHmm(
            net=for_use(net),
            log_priors=model.log_priors,
            prior_weight=PRIOR_WEIGHT,
            facts=encoder.facts,
            **model.parameters,
        )
        trained = TrainedNetwork(made.with_encoder(encoder), course.report(first.report))
        trained.save(output)
    return trained


def adapt_network(
    utterances: Sequence[Utterance],
    model: NeuralHmm,
    output: str | Path,
    *,
    name: str,
    copies: int = 1,
    jobs: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> TrainedNetwork:
    """Train the network of a model further, on its own alignments of a corpus.

    Of ten recordings and more, every fifth is held out: the weights are those of the step with
    which these are likeliest.

    Parameters
    ----------
    utterances, output, name, jobs, progress
        As for `speechalign.training.adapt`.
    model : NeuralHmm
        What to start from.
    copies, seed
        As for `train_head`.

    Returns
    -------
    TrainedNetwork
        The adapted model and the report.

    Raises
    ------
    InputError
        No utterance can be used.
    OSError
        Something cannot be written; a model that was there before still is.
    """
    jobs = check_jobs(jobs)
    progress = progress or Progress()
    output = Path(output)
    with work_folder(output) as work, _torch_threads(jobs):
        lexicon = Lexicon(_open_pronunciations(model))
        material = prepare(utterances, lexicon, work, jobs=jobs, progress=progress.prepared)
        check_usable(material, progress.warn)
        course = Course(
            material, utterances, work, model.encoder, bands=model.net.config.bands,
            copies=copies, seed=seed, progress=progress, held=_ADAPTING_HELD,
        )  # fmt: skip
        net = for_training(model.net)
        posteriors = course.posteriors(net, 0, model.outputs)
        if isinstance(model, ArticulatoryHmm):
            said = {
                phone
                for spoken in material.spoken for variants in spoken.words
                for phones in variants for phone in phones
            }  # fmt: skip
            own = model.with_phones(said)
            course.label(StoredArticulation(own, posteriors, own))
        else:
            course.label(StoredHmm(model, posteriors))
        course.teach(
            net, 1, 1, steps=_ADAPTING_STEPS, epochs=_ADAPTING_EPOCHS, rate=_ADAPTING_RATE,
            stop_early=True,
        )  # fmt: skip
        if isinstance(model, ArticulatoryHmm):  # what a user named is no part of the model
            model = model.with_pronunciation("ipa", language="ipa")
        adapted = model.with_network(for_use(net), model.log_priors, name=name)
        trained = TrainedNetwork(adapted, course.report())
        trained.save(output)
    return trained


def _open_pronunciations(model: NeuralHmm) -> PronouncingModel:
    """Return what a lexicon asks: of a model that has any phone, without an inventory."""
    if not isinstance(model, ArticulatoryHmm):
        return model
    return Pronunciations(model.language, model.dictionary, model.pronunciation, model.noise)


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    """Let torch use so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _model_card(model: NeuralHmm, report: NetworkReport) -> str:
    facts = "".join(f"| {what} | {value} |\n" for what, value in model.describe().items())
    return f"""# {model.name}

Neural HMM for forced alignment, trained by `speechalign`.

| | |
|---|---|
| language | {model.language} |
| licence | {model.licence} |
| trained on | {report.utterances} utterances, {report.seconds / 3600:.2f} hours, \
{report.speakers} speakers |
{facts}
`training_report.txt` says what training found out about the corpus.
"""
