"""Frames of many recordings on disk: features, labels and posteriors that networks learn from."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from speechalign.errors import FormatError, InputError

_INDEX = "index.jsonl"
_HELD_OUT = 25  # one recording in so many


class FrameStore:
    """A folder of arrays; each holds rows for every recording, one recording after the other.

    An array is filled once, in the order of the recordings. A run that was cut short goes on where
    it stopped.

    Parameters
    ----------
    folder : Path
        Made if it is missing.
    recordings : Iterable[tuple[str, int]] or None
        Id and number of samples of each; None for those that the folder has.

    Raises
    ------
    InputError
        The folder has no index, or holds other recordings than these.
    """

    def __init__(self, folder: Path, recordings: Iterable[tuple[str, int]] | None = None) -> None:
        self.folder = folder
        index = folder / _INDEX
        given = None if recordings is None else [(id, int(count)) for id, count in recordings]
        if index.is_file():
            found = [json.loads(line) for line in index.read_text(encoding="utf-8").splitlines()]
            kept = [(str(id), int(count)) for id, count in found]
            if given is not None and given != kept:
                raise InputError(
                    f"{folder}: holds {len(kept)} other recordings than the {len(given)} of this "
                    "corpus; remove it, or choose another folder"
                )
        elif given is None:
            raise InputError(f"{index}: missing; run the stage that labels the corpus first")
        else:
            kept = given
            folder.mkdir(parents=True, exist_ok=True)
            lines = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in kept)
            index.write_text(lines, encoding="utf-8")
        self.ids = [id for id, _ in kept]
        self.samples = np.array([count for _, count in kept], np.int64)

    def __len__(self) -> int:
        return len(self.ids)

    def fill(
        self,
        name: str,
        make: Callable[[int], np.ndarray],
        *,
        stride: int,
        width: int,
        dtype: type,
        advance: Callable[[], None] = lambda: None,
    ) -> FrameArray:
        """Write the rows that an array still lacks.

        Parameters
        ----------
        name : str
            Of the array.
        make : Callable[[int], ndarray]
            Returns the rows of a recording, given its number: shape (R, width), with R at least 1.
            Rows beyond the recording's end are cut off; where some are missing, the last is
            repeated.
        stride : int
            Samples from one row to the next.
        width : int
            Values of a row.
        dtype : type
            How values are stored.
        advance : Callable[[], None]
            Called after each recording.

        Raises
        ------
        InputError
            The array exists with another width, stride or dtype.
        """
        facts = {"stride": stride, "width": width, "dtype": np.dtype(dtype).str}
        described = self.folder / f"{name}.json"
        if described.is_file() and json.loads(described.read_text()) != facts:
            raise InputError(
                f"{described}: expected {facts}, as this run has it; remove {name}.json and "
                f"{name}.rows"
            )
        described.write_text(json.dumps(facts))
        path = self.folder / f"{name}.rows"
        counts = -(-self.samples // stride)
        ends = np.cumsum(counts) * width * np.dtype(dtype).itemsize
        path.touch()
        done = int(np.searchsorted(ends, path.stat().st_size, side="right"))
        with path.open("r+b") as file:
            file.truncate(int(ends[done - 1]) if done else 0)
            file.seek(0, 2)
            for number in range(done, len(self.ids)):
                rows = np.asarray(make(number)).reshape(-1, width)[: counts[number]]
                missing = int(counts[number]) - len(rows)
                rows = np.pad(rows, ((0, missing), (0, 0)), "edge")
                file.write(np.ascontiguousarray(rows, dtype).tobytes())
                advance()
        return self.array(name)

    def array(self, name: str) -> FrameArray:
        """Open an array that is complete; InputError if it is not."""
        described, path = self.folder / f"{name}.json", self.folder / f"{name}.rows"
        if not described.is_file():
            raise InputError(f"{path}: missing; run the stage that makes it first")
        try:
            facts = json.loads(described.read_text())
            stride, width, dtype = facts["stride"], facts["width"], np.dtype(facts["dtype"])
        except (ValueError, KeyError, TypeError):
            raise FormatError(f"{described}: damaged; remove it and {path.name}") from None
        offsets = np.append(0, np.cumsum(-(-self.samples // stride)))
        wanted = int(offsets[-1]) * width * dtype.itemsize
        found = path.stat().st_size if path.is_file() else 0
        if found != wanted:
            raise InputError(
                f"{path}: expected {wanted} bytes for {len(self)} recordings, got {found}; run the "
                "stage that makes it again"
            )
        rows = np.memmap(path, dtype, "r", shape=(int(offsets[-1]), width))
        return FrameArray(rows, offsets)


class FrameArray:
    """The rows of all recordings: ``array[n]`` are those of recording n, shape (R, width).

    Parameters
    ----------
    rows : ndarray, shape (sum of R, width)
        One recording after the other.
    offsets : ndarray, shape (N + 1,), int64
        Where each begins.
    """

    def __init__(self, rows: np.ndarray, offsets: np.ndarray) -> None:
        self.rows = rows
        self.offsets = offsets

    @property
    def width(self) -> int:
        """Values of a row."""
        return int(self.rows.shape[1])

    @property
    def counts(self) -> np.ndarray:
        """Rows of each recording, shape (N,), int64."""
        return np.diff(self.offsets)

    def __getitem__(self, number: int) -> np.ndarray:
        return self.rows[self.offsets[number] : self.offsets[number + 1]]


def held_out(id: str, *, of: int = _HELD_OUT) -> bool:
    """Tell whether the recording of an id is kept for tests, as one ``of`` so many is."""
    return zlib.crc32(id.encode()) % of == 0


def frame_labels(
    phones: Sequence[tuple[float, float, int]], frames: int, *, silence: int, rate: float = 100.0
) -> np.ndarray:
    """Return the number of the phone in each frame.

    Parameters
    ----------
    phones : Sequence[tuple[float, float, int]]
        Start and end in seconds, and number; in order of time.
    frames : int
        T.
    silence : int
        Number of what is between them.
    rate : float
        Frames a second.

    Returns
    -------
    ndarray, shape (T,), int16
        A frame belongs to the phone that covers more of it.
    """
    labels = np.full(frames, silence, np.int16)
    for start, end, number in phones:
        labels[round(start * rate) : round(end * rate)] = number
    return labels
