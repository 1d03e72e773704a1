"""Merge the manifests of shards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from speechalign.errors import InputError
from speechalign.files.writing import in_place_of
from speechalign.pipeline.analysis import write_analysis
from speechalign.pipeline.manifest import MANIFEST, Manifest, order
from speechalign.pipeline.result import Status, UtteranceResult
from speechalign.pipeline.shards import shards_to_merge


def merge(folder: Path, *, allow_missing: bool = False, tables: bool = True) -> int:
    """Put the manifests of all shards together, and write the tables that follow from them.

    Lines are read and written one by one; what is held in memory is where they are.

    Parameters
    ----------
    folder : Path
        The output folder of the shards.
    allow_missing : bool
        Merge although some shards have no manifest yet.
    tables : bool
        Write the tables as well, for which all results are read three times more.

    Returns
    -------
    int
        How many utterances there are.

    Raises
    ------
    InputError
        There are no shards, some are missing, one is damaged, or two have the same utterance.
    """
    shards = shards_to_merge(folder, allow_missing=allow_missing)
    parts = [Manifest(folder, shard.part) for shard in shards]
    count = 0
    with in_place_of(folder / MANIFEST) as temporary, temporary.open("xb") as sink:
        for line in sorted_lines(parts):
            sink.write(line)
            count += 1
    if tables:
        write_analysis(folder, _Results(Manifest(folder)))
    return count


def sorted_lines(parts: Sequence[Manifest]) -> Iterator[bytes]:
    """Yield the last line of each utterance, in the order of a manifest; InputError as `merge`."""
    with ExitStack() as opened:
        files = [opened.enter_context(part.path.open("rb")) for part in parts]
        for place in sorted(_places(parts)):
            files[place.part].seek(place.offset)
            yield files[place.part].readline()


class _Place(NamedTuple):
    """Place of the line of an utterance; sorts as the lines of a manifest."""

    order: tuple[str, float, str]
    part: int
    offset: int


class _Results:
    """The results of a manifest, read again by each iteration."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest

    def __iter__(self) -> Iterator[UtteranceResult]:
        return (result for _, result in self._manifest.lines())


def _places(parts: Sequence[Manifest]) -> list[_Place]:
    """Return the place of the last line of each utterance."""
    places: dict[str, _Place] = {}
    removed: set[str] = set()
    for number, part in enumerate(parts):
        offset = 0
        for line, result in part.lines():
            name = result.utterance
            before = places.get(name)
            if before is not None and before.part != number:
                raise InputError(
                    f"{part.path.parent.parent}: {name} is in two shards, "
                    f"{parts[before.part].path.name} and {part.path.name}; give the utterances of "
                    "the corpus ids that are unique"
                )
            places[name] = _Place(order(result), number, offset)
            (removed.add if result.status is Status.REMOVED else removed.discard)(name)
            offset += len(line)
    return [place for name, place in places.items() if name not in removed]
