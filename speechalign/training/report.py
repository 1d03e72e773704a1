"""Report: what training found out about the model and about the corpus."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from speechalign.kernels.gaussian_mixture import STATES
from speechalign.models.hmm_gmm.folder import save
from speechalign.models.hmm_gmm.model import HmmGmm
from speechalign.training.checkpoint import Iteration, Stage
from speechalign.training.expectation import States
from speechalign.training.material import Material, Spoken
from speechalign.training.trial import Trial

# Deviations from the median, in robust standard deviations, beyond which an utterance is named.
_SUSPECT = 3.5
_FRAME = 0.01
_ROWS = 20


@dataclass(frozen=True)
class PhoneDurations:
    """Durations of a phone on the best paths, seconds."""

    phone: str
    count: int
    fifth_percentile: float
    median: float
    ninety_fifth_percentile: float


@dataclass(frozen=True)
class StateOccupancy:
    """Frames of a state."""

    state: str
    frames: float
    gaussians: int


@dataclass(frozen=True)
class Suspect:
    """An utterance that does not look like its transcript.

    Parameters
    ----------
    utterance, speaker : str
        As the corpus has them.
    log_likelihood : float or None
        Natural logarithm per frame; None where the model cannot explain the utterance.
    longest_deviation : float
        How far the log duration of its longest phone lies above the phone's mean, in standard
        deviations of the phone.
    signal_to_noise : float
        dB.
    reasons : tuple[str, ...]
        Which of the three is out of the ordinary.
    """

    utterance: str
    speaker: str
    log_likelihood: float | None
    longest_deviation: float
    signal_to_noise: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """Report of a training.

    Parameters
    ----------
    utterances, seconds : int, float
        How much was trained on.
    speakers : int
        How many there are.
    left_out : tuple[tuple[str, str], ...]
        Id of each utterance that could not be used, and why.
    iterations : tuple[Iteration, ...]
        The likelihood curve.
    silence_probability : float
        Of a pause before, between and after words.
    phones : tuple[PhoneDurations, ...]
        The most frequent first.
    unheard : tuple[str, ...]
        Phones that the corpus does not have: they sound like anything.
    states : tuple[StateOccupancy, ...]
        The rarest first.
    suspects : tuple[Suspect, ...]
        The least likely first.
    trial : Trial or None
        What became of context-dependent states, where they were tried.
    """

    utterances: int
    seconds: float
    speakers: int
    left_out: tuple[tuple[str, str], ...]
    iterations: tuple[Iteration, ...]
    silence_probability: float
    phones: tuple[PhoneDurations, ...]
    unheard: tuple[str, ...]
    states: tuple[StateOccupancy, ...]
    suspects: tuple[Suspect, ...]
    trial: Trial | None

    def json(self) -> str:
        """Return everything as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"

    def text(self) -> str:
        """Return everything as tables for people, long ones cut short."""
        lines = [
            f"{self.utterances} utterances, {self.seconds / 60:.1f} minutes, {self.speakers} "
            f"speakers; {len(self.left_out)} left out; probability of a pause "
            f"{self.silence_probability:.3f}",
            *([] if self.trial is None else [self.trial.text()]),
            "",
        ]
        lines += _table(
            "passes",
            ("pass", "Gaussians", "utterances", "log-likelihood", "frames moved"),
            [
                (str(i.number), str(i.gaussians), str(i.utterances), f"{i.log_likelihood:.4f}",
                 f"{100 * i.moved / i.frames:.2f} %")
                for i in self.iterations
            ],
            len(self.iterations),
        )  # fmt: skip
        lines += _table(
            "phone durations, ms",
            ("phone", "count", "5 %", "median", "95 %"),
            [
                (p.phone, str(p.count), *(f"{1000 * s:.0f}" for s in
                 (p.fifth_percentile, p.median, p.ninety_fifth_percentile)))
                for p in self.phones
            ],
            len(self.phones),
        )  # fmt: skip
        if self.unheard:
            lines += [f"phones that the corpus does not have: {' '.join(self.unheard)}", ""]
        lines += _table(
            "states by occupancy",
            ("state", "frames", "Gaussians"),
            [(s.state, f"{s.frames:.0f}", str(s.gaussians)) for s in self.states],
            _ROWS,
        )
        lines += _table(
            "utterances that look mis-transcribed",
            ("utterance", "log-likelihood", "longest", "SNR", "because of"),
            [
                (s.utterance, "none" if s.log_likelihood is None else f"{s.log_likelihood:.2f}",
                 f"{s.longest_deviation:.1f}", f"{s.signal_to_noise:.0f} dB", ", ".join(s.reasons))
                for s in self.suspects
            ],
            _ROWS,
        )  # fmt: skip
        lines += _table("left out", ("utterance", "because"), self.left_out, _ROWS)
        return "\n".join(lines)


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], most: int) -> list[str]:
    shown = [head, *rows[:most]]
    widths = [max(len(row[i]) for row in shown) for i in range(len(head))]
    lines = [f"{title} ({len(rows)})"]
    lines += ["  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in shown]
    if len(rows) > most:
        lines.append(f"... {len(rows) - most} more in training_report.json")
    return [*lines, ""]


def report(
    stage: Stage,
    material: Material,
    scores: Mapping[str, float],
    states: States,
    trial: Trial | None = None,
) -> Report:
    """Describe a trained model and its corpus.

    Parameters
    ----------
    stage : Stage
        The last one.
    material : Material
        What it was trained on.
    scores : Mapping[str, float]
        Log-likelihood per frame of each utterance that the model explains.
    states : States
        Of the last pass.
    trial : Trial or None
        As `Report` has it.

    Returns
    -------
    Report
        What `Report` holds.

    Notes
    -----
    An utterance is suspect where its log-likelihood or its signal-to-noise ratio lies 3.5 robust
    standard deviations (1.4826 times the median absolute deviation) below the median of the corpus,
    or the deviation of its longest phone as far above.
    """
    model = stage.model
    runs = [_runs(states.read(utterance), model.home) for utterance in material.spoken]
    by_phone = [np.concatenate([frames[phones == p] for phones, frames in runs])
                for p in range(len(model.phones))]  # fmt: skip
    norms = [_log_norm(frames) for frames in by_phone]
    silence = model.phones.index(model.silence)
    longest = [
        max(
            ((float(np.log(n)) - norms[p][0]) / norms[p][1]
             for p, n in zip(phones.tolist(), frames.tolist()) if p != silence),
            default=0.0,
        )
        for phones, frames in runs
    ]  # fmt: skip
    return Report(
        utterances=len(material.spoken),
        seconds=material.frames * _FRAME,
        speakers=len({utterance.speaker for utterance in material.spoken}),
        left_out=material.left_out,
        iterations=stage.iterations,
        silence_probability=model.silence_probability,
        phones=tuple(
            PhoneDurations(
                model.phones[p],
                len(by_phone[p]),
                *(_FRAME * np.percentile(by_phone[p], (5, 50, 95))).tolist(),
            )
            for p in sorted(range(len(by_phone)), key=lambda p: -len(by_phone[p]))
            if len(by_phone[p])
        ),
        unheard=tuple(phone for phone, frames in zip(model.phones, by_phone) if not len(frames)),
        states=_occupancies(model, stage.visits),
        suspects=_suspects(material.spoken, scores, longest),
        trial=trial,
    )


def _runs(states: np.ndarray, home: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return phone and frames of each stretch; a new one begins where the states begin anew."""
    known = home[states[states >= 0]]
    new = np.ones(len(known), np.bool_)
    new[1:] = (known[1:] != known[:-1]) & (
        (known[1:] % STATES < known[:-1] % STATES) | (known[1:] // STATES != known[:-1] // STATES)
    )
    begins = np.flatnonzero(new)
    return known[begins] // STATES, np.diff(np.append(begins, len(known)))


def _log_norm(frames: np.ndarray) -> tuple[float, float]:
    """Return mean and standard deviation of log durations; few are taken for more varied."""
    if not len(frames):
        return 0.0, 1.0
    logs = np.log(frames)
    # As if five more, spread by a factor of 1.6, had been seen.
    variance = (len(logs) * logs.var() + 5 * 0.25) / (len(logs) + 5)
    return float(logs.mean()), float(np.sqrt(variance))


def _centre(values: np.ndarray) -> tuple[float, float]:
    """Return median and robust standard deviation, at least a little."""
    middle = float(np.median(values))
    return middle, max(1.4826 * float(np.median(np.abs(values - middle))), 0.1)


def _occupancies(model: HmmGmm, visits: np.ndarray) -> tuple[StateOccupancy, ...]:
    # Of the first stream, for mixtures that are shared.
    weights = model.mixtures.weights[:, 0]
    counts = (weights > 0).sum(axis=1).reshape(-1)
    return tuple(
        StateOccupancy(model.vocabulary.symbols[v], float(visits[v]), int(counts[v]))
        for v in np.argsort(visits, kind="stable")
    )


def _suspects(
    spoken: Sequence[Spoken], scores: Mapping[str, float], longest: Sequence[float]
) -> tuple[Suspect, ...]:
    score_middle, score_width = _centre(np.array(list(scores.values())))
    ratio_middle, ratio_width = _centre(np.array([u.signal_to_noise for u in spoken]))
    longest_middle, longest_width = _centre(np.array(longest))
    found = []
    for utterance, deviation in zip(spoken, longest):
        score = scores.get(utterance.id)
        reasons = []
        if score is None or score < score_middle - _SUSPECT * score_width:
            reasons.append("likelihood")
        if deviation > longest_middle + _SUSPECT * longest_width:
            reasons.append("duration")
        if utterance.signal_to_noise < ratio_middle - _SUSPECT * ratio_width:
            reasons.append("signal to noise")
        if reasons:
            found.append(
                Suspect(utterance.id, utterance.speaker, score, deviation,
                        utterance.signal_to_noise, tuple(reasons))
            )  # fmt: skip
    return tuple(
        sorted(found, key=lambda s: -np.inf if s.log_likelihood is None else s.log_likelihood)
    )


@dataclass(frozen=True)
class Trained:
    """Result of a training.

    Parameters
    ----------
    model : HmmGmm
        The model.
    report : Report
        What was found out about it and the corpus.
    """

    model: HmmGmm
    report: Report

    def save(self, folder: Path) -> None:
        """Write model, report and model card, as `speechalign.models.hmm_gmm.folder` says."""
        texts = {
            "training_report.json": self.report.json(),
            "training_report.txt": self.report.text(),
            "MODEL_CARD.md": _model_card(self.model, self.report),
        }
        save(self.model, folder, texts=texts)


def _model_card(model: HmmGmm, described: Report) -> str:
    last = described.iterations[-1]
    by_speaker = ", normalised by speaker" if model.by_speaker else ""
    return f"""# {model.name}

HMM-GMM for forced alignment, trained by `speechalign`.

| | |
|---|---|
| language | {model.language} |
| licence | {model.licence} |
| trained on | {described.utterances} utterances, {described.seconds / 3600:.2f} hours, \
{described.speakers} speakers |
| phones | {len(model.phones)}, three states each; {model.mixtures.num_states} states in all |
| Gaussians | {model.mixtures.num_gaussians}, diagonal, 39 dimensions |
| features | 13 MFCC with first and second differences every 10 ms, 16 kHz{by_speaker} |
| log-likelihood per frame | {last.log_likelihood:.3f} |

`training_report.txt` says what training found out about the corpus.
"""
