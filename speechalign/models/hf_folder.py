"""Facts about a Hugging Face model, from the files of its folder."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from speechalign.errors import InputError
from speechalign.models.weights import refuse_pickle

CONFIG = "config.json"
_FRONT_MATTER = re.compile(r"---\n(.*?)\n---", re.DOTALL)


def model_type(folder: str | Path) -> str | None:
    """Return the kind of model that a folder's ``config.json`` names; None without one."""
    if not (Path(folder) / CONFIG).is_file():
        return None
    return str(read_json(Path(folder) / CONFIG).get("model_type", ""))


def read_json(path: Path) -> dict[str, object]:
    """Read a JSON object; InputError for a missing or damaged file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise InputError(
            f"{path}: there is no such file; copy all files of the model, as its maker has them"
        ) from None
    except ValueError as error:
        raise InputError(f"{path}: damaged: {error}; copy the file again") from None
    if not isinstance(found, dict):
        raise InputError(f"{path}: expected a JSON object, got {type(found).__name__}")
    return found


def card(folder: Path) -> Mapping[str, str]:
    r"""Return licence and language that the model card tells, as far as it does.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     text = "---\nlicense: mit\nlanguage:\n- de\n---\n"
    ...     _ = (Path(folder) / "README.md").write_text(text)
    ...     card(Path(folder))
    {'license': 'mit', 'language': 'de'}
    """
    path = folder / "README.md"
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    matter = _FRONT_MATTER.match(text.replace("\r\n", "\n"))
    found = {}
    for key in ("license", "language"):
        entry = re.search(
            rf"^{key}:[ ]*(?:([^\s\[].*?)|\[(.*?)\]|((?:\n[ ]*- .*)+))[ ]*$",
            matter[1] if matter else "",
            re.MULTILINE,
        )
        if entry is not None:
            one, row, column = entry.groups()
            values = re.findall(r"[\w.-]+", (one or row or re.sub(r"\n *- ", " ", column)).lower())
            found[key] = values[0] if len(values) == 1 else "mul" if key == "language" else ""
    return found


def check_weights(folder: Path, *, allow_pickle: bool) -> None:
    """Refuse a folder without weights, or with weights that are pickles and may not be read."""
    if any(folder.glob("*.safetensors")):
        return
    pickles = sorted(folder.glob("*.bin"))
    if not pickles:
        raise InputError(
            f"{folder}: has no model.safetensors; copy all files of the model, as its maker has "
            "them"
        )
    if not allow_pickle:
        raise refuse_pickle(pickles[0])


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Keep transformers from drawing on a terminal that shows our progress."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
