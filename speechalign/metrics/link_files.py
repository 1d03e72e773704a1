"""Error rates of the word links in one file against those in another."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, cast

from speechalign.errors import InputError, SpeechAlignWarning
from speechalign.links import (
    LinkFile,
    Links,
    WeightedLinks,
    WordTimes,
    is_punctuation,
    pair_links,
    read_links,
    read_parallel,
)
from speechalign.metrics.aer import LinkScore, figures
from speechalign.metrics.resampling import (
    ConfidenceInterval,
    Difference,
    bootstrap,
    compare_systems,
)
from speechalign.metrics.scoring import report

_Pair = tuple[Links | WeightedLinks, Links]
_Weigh = Callable[[str, Links], WeightedLinks]


@dataclass(frozen=True)
class LinkReport:
    """Error rates of a corpus.

    Parameters
    ----------
    metric : str
        ``aer``, ``saer`` or ``tw-saer``.
    pooled : LinkScore
        Figures of all sentences, each link counting alike.
    sentences : Mapping[str, LinkScore]
        Figures of each sentence, in the order of the gold file.
    intervals : Mapping[str, ConfidenceInterval]
        95 % confidence intervals of ``error_rate``, ``precision``, ``recall`` and ``f1``; empty
        without resamples.
    differences : Mapping[str, Difference]
        Differences from the baseline, of the same figures; empty without a baseline.
    resamples : int
        Number of resamples behind intervals and differences.
    skipped : Mapping[str, str]
        Fault of each sentence that was left out, by name.
    """

    metric: str
    pooled: LinkScore
    sentences: Mapping[str, LinkScore]
    intervals: Mapping[str, ConfidenceInterval]
    differences: Mapping[str, Difference]
    resamples: int
    skipped: Mapping[str, str]

    def to_dict(self) -> dict[str, object]:
        """Return all figures, as shares, as JSON can hold them."""
        return {"signature": self.pooled.signature, **asdict(self)}


def score_links(
    gold: LinkFile | str | os.PathLike[str],
    hypothesis: LinkFile | str | os.PathLike[str],
    *,
    metric: Literal["aer", "saer", "tw-saer"] = "aer",
    baseline: LinkFile | str | os.PathLike[str] | None = None,
    text: str | os.PathLike[str] | None = None,
    source_times: str | os.PathLike[str] | None = None,
    target_times: str | os.PathLike[str] | None = None,
    tier: str = "words",
    setting: Literal["s2t", "s2s"] | None = None,
    swap: bool = False,
    skip_bad: bool = False,
    resamples: int = 0,
    seed: int = 0,
) -> LinkReport:
    """Score the word links of one file against the gold links of another.

    Parameters
    ----------
    gold, hypothesis : path-like or LinkFile
        Two files of links, in any format; `speechalign.links.read_links` reads one whose format or
        base has to be named.
    metric : {"aer", "saer", "tw-saer"}
        Alignment error rate of all words; of the words that were said; of these, each link weighted
        by the duration of its words.
    baseline : path-like or LinkFile, optional
        Links of another system, to test whether ``hypothesis`` differs from it.
    text : path-like, optional
        A file of lines ``source ||| target``: tells which words are punctuation.
    source_times, target_times : path-like, optional
        Alignments of the source and of the target speech, as `speechalign.links.WordTimes` reads
        them. For ``saer`` and ``tw-saer``, which needs ``source_times``.
    tier : str
        Tier of these alignments that has the words.
    setting : {"s2t", "s2s"}, optional
        For ``tw-saer``: speech to text or speech to speech (default: s2s with ``target_times``).
    swap : bool
        Take gold links and text as running from target to source.
    skip_bad : bool
        Leave out sentences with a fault, and name them in the result.
    resamples : int
        Number of resamples of sentences for confidence intervals; 0 for none, or for 1000 with a
        baseline.
    seed : int
        Seed of the resampling.

    Returns
    -------
    LinkReport
        Figures, pooled and by sentence.

    Raises
    ------
    InputError
        A sentence has a fault and ``skip_bad`` is false; nothing can be scored; or the options do
        not go together.
    FormatError
        A file breaks its format.

    Examples
    --------
    >>> score_links("gold.talp", "hyp.talp", metric="saer").pooled.error_rate  # doctest: +SKIP
    0.25
    """
    _check_options(metric, setting, source_times, target_times)
    reference, *systems = (
        file if isinstance(file, LinkFile) else read_links(file, skip_bad=skip_bad)
        for file in (gold, hypothesis, baseline)
        if file is not None
    )
    for file in systems:
        if _has_possible(file) and not _has_possible(reference):
            warnings.warn(
                f"{file.path} has possible links and {reference.path} has none: are the gold "
                "links and those of the system exchanged?",
                SpeechAlignWarning,
                stacklevel=2,
            )
    weigh = None
    if source_times or text:
        weigh = _weigher(reference, source_times, target_times, text, tier, swap)
    pairs, problems = _pairs(reference, systems, swap, weigh, keep=metric != "aer")
    for problem in problems.values():
        if not skip_bad:
            raise InputError(f"{problem}; --skip-bad (skip_bad=True) leaves such out")
    if not pairs[0]:
        raise InputError(
            f"{systems[0].path}: no sentence can be scored against {reference.path}"
            + "".join(f"\n{problem}" for problem in problems.values())
        )
    options: dict[str, object] = {}
    if metric == "tw-saer":
        options["setting"] = setting or ("s2s" if target_times else "s2t")
    ours, *others = (report(found, metric=metric, **options) for found in pairs)
    if not ours.counts[:, 2:].any():
        raise InputError(
            f"{reference.path}: no sure link that weighs anything in {len(pairs[0])} sentences, "
            f"and no link in {systems[0].path}: there is nothing to score"
        )
    if others:
        resamples = resamples or 1000
    return LinkReport(
        metric=metric,
        pooled=cast(LinkScore, ours.pooled),
        sentences=cast("Mapping[str, LinkScore]", ours.recordings),
        intervals=bootstrap(ours.counts, figures, resamples=resamples, seed=seed)
        if resamples
        else {},
        differences=compare_systems(
            ours.counts, others[0].counts, figures, resamples=resamples, seed=seed
        )
        if others
        else {},
        resamples=resamples,
        skipped=problems,
    )


def _has_possible(file: LinkFile) -> bool:
    return any(links.possible - links.sure for links in file.sentences.values())


def _check_options(
    metric: str, setting: str | None, source_times: object, target_times: object
) -> None:
    """Refuse options that do not go together."""
    if metric not in ("aer", "saer", "tw-saer"):
        raise InputError(f"metric: expected 'aer', 'saer' or 'tw-saer', got {metric!r}")
    if metric == "aer" and (source_times or target_times):
        raise InputError("source_times: aer counts all words alike; choose saer or tw-saer")
    if metric == "tw-saer" and not source_times:
        raise InputError("source_times: tw-saer needs word times of the source, got none")
    if metric != "tw-saer" and setting:
        raise InputError(f"setting: expected with tw-saer only, got {setting!r} with {metric}")
    if target_times and not source_times:
        raise InputError("source_times: expected with target_times, got none")


def _pairs(
    reference: LinkFile,
    systems: Sequence[LinkFile],
    swap: bool,
    weigh: _Weigh | None,
    *,
    keep: bool,
) -> tuple[list[dict[str, _Pair]], dict[str, str]]:
    """Return gold and hypothesis of the sentences of each system, and the faults of others.

    The weights that show what is out of range are kept only if the metric counts them.
    """
    problems = dict(reference.skipped)
    pairings = [pair_links(reference, file) for file in systems]
    for file, pairing in zip(systems, pairings):
        problems |= {**file.skipped, **pairing.problems}
    pairs: list[dict[str, _Pair]] = [{} for _ in systems]
    for name, (links, _) in pairings[0].pairs.items():
        if not all(name in pairing.pairs for pairing in pairings):
            continue
        links = links.swapped() if swap else links
        gold: Links | WeightedLinks = links
        hypotheses = [pairing.pairs[name][1] for pairing in pairings]
        if weigh is not None:
            try:
                weighted = weigh(name, links)
                for hypothesis in hypotheses:
                    weighted.check_within(hypothesis)
            except InputError as error:
                problems[name] = f"sentence {name}: {error}"
                continue
            gold = weighted if keep else gold
        for found, hypothesis in zip(pairs, hypotheses):
            found[name] = gold, hypothesis
    return pairs, problems


def _weigher(
    reference: LinkFile,
    source_times: str | os.PathLike[str] | None,
    target_times: str | os.PathLike[str] | None,
    text: str | os.PathLike[str] | None,
    tier: str,
    swap: bool,
) -> _Weigh:
    """Return a function that gives the links of a sentence the weights of its words."""
    texts = read_parallel(text) if text else []
    source_said, target_said = (
        WordTimes(path, reference.names, tier=tier) if path else None
        for path in (source_times, target_times)
    )

    def weights(name: str, said: WordTimes | None, words: list[str] | None) -> list[float]:
        if said is not None:
            return [word.seconds for word in said.of(name, words)]
        return [0.0 if is_punctuation(word) else 1.0 for word in words or ()]

    def weigh(name: str, links: Links) -> WeightedLinks:
        source: list[str] | None = None
        target: list[str] | None = None
        if text:
            line = reference.names.index(name) if reference.named else int(name) - 1
            if not 0 <= line < len(texts):
                raise InputError(
                    f"{Path(text)}: expected a line {line + 1}, got {len(texts)} lines"
                )
            source, target = reversed(texts[line]) if swap else texts[line]
        known = target_said is not None or target is not None
        target_weights = weights(name, target_said, target) if known else None
        return WeightedLinks(links, weights(name, source_said, source), target_weights)

    return weigh
