"""Links of two files, sentence by sentence."""

from __future__ import annotations

from dataclasses import dataclass

from speechalign.errors import InputError
from speechalign.links.links import Links
from speechalign.links.reading import LinkFile


@dataclass(frozen=True)
class Pairing:
    """Sentences that have both gold links and links to be scored.

    Parameters
    ----------
    pairs : dict[str, tuple[Links, Links]]
        Gold and hypothesis by the sentence's name in the gold file, in its order.
    problems : dict[str, str]
        What is wrong with sentences that are on one side only.
    """

    pairs: dict[str, tuple[Links, Links]]
    problems: dict[str, str]


def pair_links(gold: LinkFile, hypothesis: LinkFile) -> Pairing:
    """Match the sentences of two files.

    Parameters
    ----------
    gold, hypothesis : LinkFile
        Matched by name. Where sentences have names in one file and numbers in the other, by their
        order. A sentence that a sparse format does not mention has no links.

    Returns
    -------
    Pairing
        The pairs, and the sentences that have no partner. Those that reading left out have one.

    Raises
    ------
    InputError
        Sentences are to be matched by order, and there are not as many on both sides.
    """
    aliases = {name: name for name in hypothesis.names}
    if gold.named != hypothesis.named:
        if len(gold.names) != len(hypothesis.names):
            raise InputError(
                f"{hypothesis.path}: expected {len(gold.names)} sentences as in {gold.path}, got "
                f"{len(hypothesis.names)}"
            )
        aliases = dict(zip(hypothesis.names, gold.names))
    theirs = {aliases[name]: name for name in hypothesis.names}
    pairs: dict[str, tuple[Links, Links]] = {}
    problems: dict[str, str] = {}
    for name in dict.fromkeys((*gold.names, *theirs)):
        reference = _of(gold, name)
        found = _of(hypothesis, theirs.get(name, name))
        if name in gold.skipped or theirs.get(name) in hypothesis.skipped:
            continue
        if reference is None:
            problems[name] = f"{hypothesis.path}: sentence {name} is not in {gold.path}"
        elif found is None:
            problems[name] = f"{hypothesis.path}: sentence {name} of {gold.path} is missing"
        else:
            pairs[name] = reference, found
    return Pairing(pairs, problems)


def _of(file: LinkFile, name: str) -> Links | None:
    return file.sentences.get(name, Links(()) if file.sparse else None)
