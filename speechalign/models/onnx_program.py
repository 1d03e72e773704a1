"""Write a torch network as an ONNX program."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from speechalign.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn


def write_program(
    network: nn.Module,
    inputs: Mapping[str, Tensor],
    path: Path,
    *,
    output: str,
    axes: Sequence[Mapping[int, str]],
) -> None:
    """Write a network as ONNX.

    Parameters
    ----------
    network : torch.nn.Module
        Takes the inputs in their order.
    inputs : Mapping[str, Tensor]
        Name to an example of each; two of a batch.
    path : Path
        The file to write.
    output : str
        Name of the output.
    axes : Sequence[Mapping[int, str]]
        For each input, the axes whose size may change, and what they are called.

    Raises
    ------
    BackendError
        A package for the export is missing.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
        import torch
    except ImportError as error:
        raise BackendError(f"export: {error}; pip install 'speechalign[export]'") from None
    with _quiet():
        program = torch.onnx.export(
            network,
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=[output],
            dynamic_shapes=tuple(dict(sizes) for sizes in axes),
            dynamo=True,
            verbose=False,
        )
        assert program is not None  # dynamo=True returns one
        program.save(path)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter from telling of packages that it could use."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
