"""Progress of a training run: a bar on a terminal, a log in JSON lines, TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress


class Progress:
    """A bar of steps on stderr, of rank 0 only.

    Parameters
    ----------
    total, done : int
        Steps of the run, and those done before.
    rank : int
        Rank of this process.
    """

    def __init__(self, total: int, done: int, rank: int) -> None:
        self._console = Console(stderr=True, quiet=rank > 0, soft_wrap=True)
        self._bar = RichProgress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[values]}"),
            TimeRemainingColumn(),
            console=self._console,
            disable=rank > 0 or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("training", total=total, completed=done, values="")

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def advance(self, values: Mapping[str, float]) -> None:
        """Count a step."""
        text = " ".join(f"{name} {value:.3g}" for name, value in values.items())
        self._bar.update(self._task, advance=1, values=text)

    def tell(self, line: str) -> None:
        """Print a line above the bar."""
        self._console.print(line, markup=False, highlight=False)


class Writer:
    """``log.jsonl`` and ``tensorboard/`` in a folder, written by rank 0 only.

    Parameters
    ----------
    out : Path
        The folder.
    step : int
        Steps done; later lines, of an interrupted run, are removed from the log.
    rank : int
        Rank of this process.
    """

    def __init__(self, out: Path, step: int, rank: int) -> None:
        self._file = self._board = None
        if rank > 0:
            return
        from torch.utils.tensorboard import SummaryWriter

        path = out / "log.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines(True) if path.exists() else []
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        path.write_text("".join(kept), encoding="utf-8")
        self._file = path.open("a", encoding="utf-8")
        self._board = SummaryWriter(str(out / "tensorboard"), purge_step=step + 1)

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None and self._board is not None:
            self._file.close()
            self._board.close()

    def write(self, split: str, step: int, values: Mapping[str, float]) -> None:
        """Write the values of a step."""
        if self._file is None or self._board is None:
            return
        self._file.write(json.dumps({"split": split, "step": step, **values}) + "\n")
        self._file.flush()
        for name, value in values.items():
            self._board.add_scalar(f"{split}/{name}", value, step)
