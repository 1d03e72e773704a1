"""Adapters: the few weights of a model of many languages that are particular to one, as in MMS.

V. Pratap et al., "Scaling speech technology to 1,000+ languages", JMLR 25, 2024.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from speechalign.errors import InputError
from speechalign.language_codes import short_code
from speechalign.models.hf_folder import read_json
from speechalign.models.weights import load_weights

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

_PART = ".adapter_layer."  # of the names of what every adapter has
_LISTED = 20  # languages that a message names


def read_adapter(folder: Path, language: str, *, allow_pickle: bool) -> dict[str, Tensor]:
    """Read the weights of one language, ``adapter.LANGUAGE.safetensors``.

    Parameters
    ----------
    folder : Path
        Of a model whose ``vocab.json`` has a vocabulary for each language.
    language : str
        As the model calls it.
    allow_pickle : bool
        Read ``adapter.LANGUAGE.bin``, where there is no other.

    Raises
    ------
    InputError
        The model has no such language, or the file is missing, damaged or a pickle.
    """
    known = [code for code, columns in read_json(folder / "vocab.json").items()
             if isinstance(columns, dict)]  # fmt: skip
    if not known:
        raise InputError(f"{folder}: is of one language and has no adapters; leave out :{language}")
    if language not in known:
        raise unknown_language(folder, language, known)
    path = folder / f"adapter.{language}.safetensors"
    pickled = path.with_suffix(".bin")
    if not path.is_file() and not pickled.is_file():
        raise InputError(f"{path}: there is no such file; copy it from where the model is")
    return load_weights(path if path.is_file() else pickled, allow_pickle=allow_pickle)


def unknown_language(folder: Path, language: str | None, known: Collection[str]) -> InputError:
    """Return the error that names the languages there are, and those most like the one given."""
    near: list[str] = []
    if language is not None:
        near += [code for code in known if short_code(code) == short_code(language)]
        near += [code for code in get_close_matches(language, known) if code not in near]
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    fault = "is of several languages" if language is None else f"has no language {language!r}"
    names = sorted(known)
    rest = f" and {len(names) - _LISTED} more in vocab.json" if len(names) > _LISTED else ""
    return InputError(
        f"{folder}: {fault}; {hint}expected one of "
        f"{', '.join(names[:_LISTED])}{rest}, behind the name of the model as in :{names[0]}"
    )


def put_in(network: PreTrainedModel, weights: Mapping[str, Tensor], *, folder: Path) -> None:
    """Put the weights of a language, its output layer among them, into a network.

    Raises
    ------
    InputError
        They do not fit it.
    """
    from torch import nn

    try:
        symbols, width = weights["lm_head.weight"].shape
        network.lm_head = nn.Linear(width, symbols)
        found = network.load_state_dict(weights, strict=False)
    except (KeyError, ValueError, RuntimeError) as error:
        raise InputError(f"{folder}: the adapter does not fit the model: {error}") from None
    wrong = [*found.unexpected_keys, *(key for key in found.missing_keys if _PART in key)]
    if wrong:
        raise InputError(f"{folder}: the adapter does not fit the model: {', '.join(wrong[:3])}")
    network.config.vocab_size = symbols
