"""The manifest: what became of every utterance that was aligned into a folder.

A run appends the results of each recording as soon as its files are written, so that it may be
stopped at any moment, and several processes may write to one folder. Of the lines of an utterance,
the last one counts; at the end of a run, each utterance has one line again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from speechalign.aligners.search import Search
from speechalign.alignment import Interval, Margins
from speechalign.errors import InputError
from speechalign.files.appending import append, locked
from speechalign.files.writing import in_place_of
from speechalign.pipeline.analysis import write_analysis
from speechalign.pipeline.result import Status, UtteranceResult
from speechalign.text.word import Token, Word

MANIFEST = "alignment_manifest.jsonl"


class Manifest:
    """The manifest of an output folder, or of a shard, and the tables that are made of it.

    Parameters
    ----------
    folder : Path
        The output folder, which exists.
    part : str
        Name of the manifest in it: another for each shard, without tables.
    """

    def __init__(self, folder: Path, part: str = MANIFEST) -> None:
        self.folder = folder
        self.path = folder / part

    def lines(self) -> Iterator[tuple[bytes, UtteranceResult]]:
        """Yield each line with its result, one by one; nothing without a manifest.

        A last line that is not whole, as a run that was killed leaves it, does not count.

        Raises
        ------
        InputError
            It is damaged, or of another version.
        """
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                try:
                    yield line, result_of_line(json.loads(line))
                except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                    raise InputError(
                        f"{self.path}:{number}: damaged, or of another version of speechalign; "
                        "move it away, or choose another output folder"
                    ) from None

    def read(self) -> dict[str, UtteranceResult]:
        """Return the last result of each utterance, by its id; InputError as for `lines`."""
        results = {result.utterance: result for _, result in self.lines()}
        return {name: r for name, r in results.items() if r.status is not Status.REMOVED}

    @contextmanager
    def writing(self, now: Sequence[UtteranceResult] = ()) -> Iterator[list[UtteranceResult]]:
        """Keep other writers out of the folder; append results now, and those of a list later.

        Parameters
        ----------
        now : Sequence[UtteranceResult]
            Results that hold until the block ends.

        Yields
        ------
        list of UtteranceResult
            Empty; what is put into it is appended when the block ends.
        """
        with locked(self.path):
            append(self.path, "".join(map(_line, now)))
            later: list[UtteranceResult] = []
            yield later
            append(self.path, "".join(map(_line, later)))

    def finish(self) -> None:
        """Leave one line for each utterance, in order; write the tables that follow from them."""
        with locked(self.path):
            last = {result.utterance: (result, line) for line, result in self.lines()}
            left = [pair for pair in last.values() if pair[0].status is not Status.REMOVED]
            left.sort(key=lambda pair: order(pair[0]))
            with in_place_of(self.path) as temporary, temporary.open("xb") as sink:
                sink.writelines(line for _, line in left)
            if self.path.name == MANIFEST:
                write_analysis(self.folder, [result for result, _ in left])


def order(result: UtteranceResult) -> tuple[str, float, str]:
    """Return what the lines of a manifest are sorted by."""
    return result.recording, result.start, result.utterance


def _line(result: UtteranceResult) -> str:
    r"""Return the line of a result; half a surrogate pair, as in names of files, is escaped."""
    line = json.dumps(result.to_dict(), ensure_ascii=False) + "\n"
    return line.encode("utf-8", "backslashreplace").decode("utf-8")


def result_of_line(values: dict[str, Any]) -> UtteranceResult:
    """Return the result of a line; an error of Python where a value is of another type."""
    for name, kinds in _KINDS.items():
        if name in values and not isinstance(values[name], kinds):
            raise TypeError(f"{name}: {values[name]!r}")
    _check_strings(*values["outputs"], *values["outputs_sha256"], *values["settings"].values())
    values["status"] = Status(values["status"])
    for name in ("outputs", "outputs_sha256"):
        values[name] = tuple(values[name])
    values["words"] = tuple(map(_word_of_json, values["words"]))
    for name in ("untranscribed", "spoken_pauses", "segments"):
        values[name] = tuple(Interval(s, e, label) for label, s, e in values.get(name, ()))
    values["search"] = values.get("search") and Search(**values["search"])
    values.pop("misfits", None)  # Words and untranscribed audio tell them.
    return UtteranceResult(**values)


_TYPES: dict[str, Any] = {
    "str": str,
    "int": int,
    "float": (float, int),
    "bool": bool,
    "None": type(None),
}
_KINDS = {
    f.name: tuple(_TYPES[name] for name in str(f.type).split(" | "))
    for f in fields(UtteranceResult)
    if set(str(f.type).split(" | ")) <= _TYPES.keys()
}
"""Types of the values that are no containers, by name."""


def _check_strings(*values: object) -> None:
    if not all(isinstance(value, str) for value in values):
        raise TypeError(f"expected strings, got {values}")


def _word_of_json(values: dict[str, Any]) -> Word:
    status = values.get("status", "aligned")
    speaker, others = values.get("speaker"), values.get("others", ())
    _check_strings(values["label"], values["source"], status, *values["spoken"], *others)
    _check_strings(speaker or "")
    timed = status != "skipped"
    phones = _parts(values["phones"], values)
    tokens = _parts([row[:3] for row in values["tokens"]], {} if phones else values)
    edges = phones or tokens
    return Word(
        values["label"],
        tuple(values["spoken"]),
        values["source"],
        span=Interval(
            values["start"],
            values["end"],
            values["label"],
            values["confidence"],
            edges[0].start_margins if edges else None,
            edges[-1].end_margins if edges else None,
        )
        if timed
        else None,
        phones=tuple(phones),
        tokens=tuple(
            Token(interval, first, last)
            for interval, (_, _, _, first, last) in zip(tokens, values["tokens"])
        ),
        status=status,
        speaker=speaker,
        others=tuple(others),
        pronunciations=tuple(
            tuple((tuple(phones.split()), float(posterior)) for phones, posterior in found)
            for found in values.get("pronunciations", ())
        ),
    )


def _parts(rows: list[list[Any]], values: dict[str, Any]) -> list[Interval]:
    """Return the phones or tokens of a word with what the posteriors say of each."""
    if not rows:  # What is known is of the tokens then.
        return []
    none = [None] * len(rows)
    margins = values.get("margins", [(None, None)] * len(rows))
    columns = (margins, values.get("posteriors", none), values.get("goodness", none))
    return [
        Interval(
            start,
            end,
            label,
            posterior,
            start_margins and Margins(*start_margins),
            end_margins and Margins(*end_margins),
            goodness,
        )
        for (label, start, end), (start_margins, end_margins), posterior, goodness in zip(
            rows, *columns, strict=True
        )
    ]
