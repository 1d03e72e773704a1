"""Shape, dtype, range and finiteness checks, with messages that show the value found."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from speechalign.errors import InputError, wrong_type

if TYPE_CHECKING:
    from torch import Tensor

_Name = TypeVar("_Name", bound=str)
_INT64 = np.dtype(np.int64)
_CHECKED = 2**20  # values that are checked at once


def check_jobs(jobs: int | None) -> int:
    """Return a number of jobs: for None, the cores that Slurm or a container grants us."""
    if jobs is None:
        granted = hasattr(os, "sched_getaffinity")
        cores = len(os.sched_getaffinity(0)) if granted else os.cpu_count() or 1
        return max(1, min(cores, _cpu_quota() or cores))
    if jobs < 1:
        raise InputError(f"jobs: expected 1 or more, got {jobs}")
    return jobs


def check_names(argument: str, given: Collection[str], known: Sequence[_Name]) -> tuple[_Name, ...]:
    """Return the known names that are given, in the order of the known ones, each once."""
    if isinstance(given, str) or not isinstance(given, Collection):
        raise wrong_type(argument, "a collection of names", given, f"such as {tuple(known[:1])}")
    for name in given:
        if name not in known:
            raise InputError(f"{argument}: expected some of {', '.join(known)}; got {name!r}")
    return tuple(name for name in known if name in given)


def _cpu_quota(root: Path = Path("/")) -> int | None:
    """Return how many cores' time a container may use, rounded up; None without a limit.

    Docker, Kubernetes and Slurm set it in the control group of the process or one above it.
    """
    try:
        groups = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    quotas = []
    for line in groups:
        _, controllers, name = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / ("cpu" if controllers else "")
        group = top / name.lstrip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(top):
                quotas.append(_quota_of(folder))
    return min((math.ceil(quota) for quota in quotas if quota is not None), default=None)


def _quota_of(group: Path) -> float | None:
    """Return the cores' time that one control group grants: of version 2, or of version 1."""
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text(encoding="ascii").split()
        else:
            quota, period = (
                (group / name).read_text(encoding="ascii").strip()
                for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")
            )
        return None if quota in ("max", "-1") else int(quota) / int(period)
    except (OSError, ValueError):
        return None


def _parts(data: np.ndarray | Tensor) -> Iterator[np.ndarray | Tensor]:
    """Yield blocks of rows of an array or a tensor, so that a check needs little memory."""
    width = data.shape[1] if data.ndim > 1 else 1
    step = max(1, _CHECKED // max(1, width))
    for begin in range(0, len(data), step):
        yield data[begin : begin + step]


def check_log_probs(log_probs: np.ndarray | Tensor, *, name: str = "log_probs") -> None:
    """Refuse anything but a (T, V) floating array or tensor without NaN or +inf."""
    if not hasattr(log_probs, "ndim"):
        raise wrong_type(name, "an ndarray or a torch.Tensor", log_probs)
    if log_probs.ndim != 2:
        raise InputError(f"{name}: expected shape (T, V), got {tuple(log_probs.shape)}")
    dtype = str(log_probs.dtype).replace("torch.", "")
    if dtype not in ("float32", "float64"):
        raise InputError(f"{name}: expected float32 or float64, got {dtype}; convert it")
    # Holds for NaN as well, and runs where the data are.
    if not all((part < np.inf).all() for part in _parts(log_probs)):
        bad = ~(log_probs < np.inf)
        t, v = divmod(int((1 * bad).argmax()), log_probs.shape[1])
        raise InputError(
            f"{name}[{t}, {v}]: expected a finite value or -inf, got {log_probs[t, v]}; "
            "check the model that made it"
        )


def check_lengths(lengths: np.ndarray, batch: int, limit: int, *, name: str) -> np.ndarray:
    """Refuse anything but (B,) integers in [0, limit]; return them as int64."""
    if not isinstance(lengths, np.ndarray):
        raise wrong_type(name, "an ndarray", lengths, "convert it with np.asarray")
    if lengths.shape != (batch,) or lengths.dtype.kind not in "iu":
        raise InputError(
            f"{name}: expected shape ({batch},), integer, one length for each utterance; got "
            f"{lengths.shape} {lengths.dtype}"
        )
    if lengths.dtype != _INT64:
        lengths = lengths.astype(_INT64)
    for b, length in enumerate(lengths.tolist()):
        if not 0 <= length <= limit:
            raise InputError(f"{name}[{b}]: expected a value in [0, {limit}], got {length}")
    return lengths


def check_samples(samples: np.ndarray, *, name: str = "samples", first: int = 0) -> None:
    """Refuse anything but (N,) finite floating samples, N >= 1, of which ``first`` came before."""
    if not isinstance(samples, np.ndarray):
        raise wrong_type(name, "an ndarray", samples, "convert it with np.asarray")
    if samples.ndim != 1 or not np.issubdtype(samples.dtype, np.floating):
        raise InputError(
            f"{name}: expected shape (N,), floating; got {samples.shape} {samples.dtype}"
        )
    if samples.size == 0:
        raise InputError(f"{name}: the recording has no samples; leave it out or record it again")
    if not all(np.isfinite(part).all() for part in _parts(samples)):
        finite = np.isfinite(samples)
        n = int(np.argmin(finite))
        count = int(samples.size - finite.sum())
        raise InputError(
            f"{name}[{first + n}]: expected a finite number, got {samples[n]} ({count} such of "
            f"{samples.size}); repair or export the recording again"
        )


def check_waveforms(waveforms: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Refuse anything but (B, N) floating samples, finite within (B,) lengths of 1 to N.

    Returns the lengths as int64.
    """
    if not isinstance(waveforms, np.ndarray):
        raise wrong_type("waveforms", "an ndarray", waveforms, "convert it with np.asarray")
    if waveforms.ndim != 2 or len(waveforms) != len(lengths):
        raise InputError(
            f"waveforms: expected shape ({len(lengths)}, N) for {len(lengths)} lengths, got "
            f"{waveforms.shape}"
        )
    lengths = check_lengths(lengths, len(waveforms), waveforms.shape[1], name="lengths")
    for b, length in enumerate(lengths):
        check_samples(waveforms[b, :length], name=f"waveforms[{b}]")
    return lengths
