"""Models on the Hugging Face hub, from its cache or fetched: ``org/name@revision:language``."""

from __future__ import annotations

import re
from pathlib import Path

from speechalign.errors import BackendError, InputError
from speechalign.models import Model, load_model

NAMES = ()

_REPOSITORY = re.compile(r"([\w-][\w.-]*/[\w-][\w.-]*)(?:@([\w./-]+))?(?::([\w-]+))?")
_SNAPSHOT = re.compile(r"models--(.+)--(.+)")
_FILES = ["*.json", "*.txt", "*.model", "*.safetensors", "README.md"]
_PICKLES = ["*.bin", "*.pt"]
_ADAPTERS = "adapter.*"  # of a thousand languages, in some repositories


def recognises(source: str) -> bool:
    """Tell whether the source looks like ``org/name@revision`` and there is no such path."""
    there = Path(source).exists() or Path(source.partition(":")[0]).exists()
    return _REPOSITORY.fullmatch(source) is not None and not there


def load(
    source: str | Path,
    *,
    device: str | None = None,
    offline: bool = False,
    allow_pickle: bool = False,
) -> Model:
    """Fetch a repository, unless it is in the cache, and load it as a folder.

    Parameters
    ----------
    source : str or Path
        ``org/name`` or ``org/name@revision``, a branch, tag or commit; with ``:language`` behind
        it for a model that has an adapter of each language.
    device, offline, allow_pickle
        As in `load_model`.

    Raises
    ------
    InputError
        There is no such repository, or the model is not one of ours.
    BackendError
        The hub cannot be reached, or may not be, and the cache does not have it.
    """
    folder = fetch(str(source), offline=offline, allow_pickle=allow_pickle)
    language = str(source).partition(":")[2]
    source = f"{folder}:{language}" if language else folder
    return load_model(source, device=device, offline=offline, allow_pickle=allow_pickle)


def fetch(source: str, *, offline: bool, allow_pickle: bool) -> Path:
    """Return the folder of a repository's files, downloaded if they were not.

    Raises
    ------
    InputError, BackendError
        As `load`.
    """
    try:
        from huggingface_hub import (
            constants,
            errors,
            snapshot_download,
        )
    except ImportError:
        raise BackendError(
            f"{source}: there is no such folder, and the hub needs huggingface_hub; pip install "
            "'speechalign[hf]'"
        ) from None
    match = _REPOSITORY.fullmatch(source)
    assert match is not None
    repository, revision, language = match.groups()
    offline = offline or constants.HF_HUB_OFFLINE
    adapter = f"adapter.{language}.*"
    try:
        found = snapshot_download(
            repository,
            revision=revision,
            allow_patterns=_FILES + (_PICKLES if allow_pickle else []),
            ignore_patterns=_ADAPTERS,
            local_files_only=offline,
        )
        if language is not None and not any(Path(found).glob(adapter)):
            if offline:
                raise errors.LocalEntryNotFoundError(adapter)
            snapshot_download(
                repository,
                revision=Path(found).name,
                allow_patterns=adapter,
                ignore_patterns=None if allow_pickle else _PICKLES,
            )
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled):
        how = "may not be fetched (--offline, HF_HUB_OFFLINE)" if offline else "cannot be fetched"
        raise BackendError(
            f"{source}: there is no such folder; on the hub, it is not in the cache and {how}; "
            f"run `speechalign model download {source}` where there is a network, or name a folder"
        ) from None
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError):
        raise InputError(
            f"{source}: there is no such folder, and no such model on the hub, or it needs a "
            "login; check name and revision"
        ) from None
    except (errors.HfHubHTTPError, OSError) as error:
        reason = str(error).strip().split("\n")[0]
        raise BackendError(f"{source}: cannot be fetched from the hub: {reason}") from None
    return Path(found)


def name_of(folder: Path) -> str:
    """Return what a model in a folder is called: with its commit, for one in the hub's cache.

    Examples
    --------
    >>> name_of(Path("hub/models--org--small/snapshots/0123456789abcdef")), name_of(Path("a/b"))
    ('org/small@0123456789abcdef', 'b')
    """
    match = _SNAPSHOT.fullmatch(folder.parent.parent.name)
    if match is not None and folder.parent.name == "snapshots":
        return f"{match[1]}/{match[2]}@{folder.name}"
    return folder.resolve().name
