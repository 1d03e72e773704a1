"""Loss of any graph: minus the log of the total weight of its paths, with its true derivative."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import torch
from torch import Tensor

from speechalign.errors import AlignmentError, InputError, wrong_type
from speechalign.graphs import Graph
from speechalign.kernels import forward_backward
from speechalign.losses.arguments import check_log_probs
from speechalign.losses.gradients import Context, scaled_gradient


def graph_loss(
    log_probs: Tensor, graphs: Sequence[Graph], input_lengths: Tensor, *, backend: str = "auto"
) -> Tensor:
    """Minus the log of the total weight of all paths through each utterance's graph.

    Whatever can be drawn as a `Graph` trains this way: words that may be missing from a
    transcript, or said beside it, or pronounced in several ways.

    Parameters
    ----------
    log_probs : Tensor, shape (B, T, V), float32 or float64
        Natural-log scores, normalised or not.
    graphs : Sequence[Graph]
        One for each utterance.
    input_lengths : Tensor, shape (B,), int32 or int64
        Frames of each utterance; what lies beyond is never read, and its gradient is zero.
    backend : str
        As for `speechalign.kernels.forward_backward`.

    Returns
    -------
    Tensor, shape (B,), of the dtype of ``log_probs``
        +inf, with zero gradient, where no path takes as many arcs as there are frames, or every
        such path has probability zero.

    Raises
    ------
    InputError
        Wrong shapes or dtypes, not one graph for each utterance, NaN or +inf among the scores of an
        utterance, a graph that reads a column that is not there.
    BackendError
        As for `speechalign.kernels.forward_backward`.

    Notes
    -----
    ``L = -log sum_a exp( sum_t weight(a_t) + log_probs[t, label(a_t)] )`` over all paths a, start
    and final weights included;  ``dL / d log_probs[t, v] = -P(label(a_t) = v)``. There is no second
    derivative; asking for one raises.

    Examples
    --------
    >>> from speechalign.graphs import ctc_graph
    >>> log_probs = torch.tensor([[[0.1, 0.8, 0.1], [0.6, 0.3, 0.1], [0.2, 0.2, 0.6]]]).log()
    >>> loss = graph_loss(log_probs, [ctc_graph([1, 2], blank=0)], torch.tensor([3]))
    >>> round(float(loss[0]), 3)
    0.666
    """
    input_lengths = check_log_probs(log_probs, input_lengths)
    if not (isinstance(graphs, Sequence) and all(isinstance(g, Graph) for g in graphs)):
        raise wrong_type("graphs", "a list of Graph", graphs)
    if len(graphs) != len(log_probs):
        raise InputError(
            f"graphs: expected {len(log_probs)}, one for each utterance, got {len(graphs)}"
        )
    arrays = [torch.from_numpy(getattr(g, f.name)) for g in graphs for f in fields(Graph)]
    losses: Tensor = _total(log_probs, input_lengths, arrays, backend)[0]
    return losses


def _totals(
    log_probs: Tensor, input_lengths: Tensor, arrays: Sequence[Tensor], backend: str
) -> tuple[Tensor, Tensor]:
    """Return the losses (B,) and the posteriors (B, T, V) of graphs given field by field."""
    losses = torch.full((len(log_probs),), torch.inf, dtype=torch.float64)
    posteriors = torch.zeros_like(log_probs, memory_format=torch.contiguous_format)
    count = len(fields(Graph))
    for b, frames in enumerate(input_lengths.tolist()):
        graph = Graph(*(array.numpy() for array in arrays[count * b : count * (b + 1)]))
        try:
            found = forward_backward(log_probs[b, :frames], graph, by="label", backend=backend)
        except AlignmentError:
            continue
        except InputError as error:
            raise InputError(f"utterance {b}: {error}") from error
        losses[b] = -found.score
        posteriors[b, :frames] = torch.from_numpy(found.posteriors).to(log_probs)
    return losses.to(log_probs), posteriors


def _totals_shapes(log_probs: Tensor, *_: Tensor | Sequence[Tensor] | str) -> tuple[Tensor, Tensor]:
    return log_probs.new_empty(len(log_probs)), log_probs.new_empty(log_probs.shape)


def _setup(
    ctx: Context,
    inputs: tuple[Tensor, Tensor, Sequence[Tensor], str],
    output: tuple[Tensor, Tensor],
) -> None:
    ctx.save_for_backward(output[1])
    ctx.set_materialize_grads(False)  # Or as many zeros would be made as there are posteriors.
    ctx.integers = (len(inputs[2]),)


def _differentiate(
    ctx: Context, factors: Tensor | None, _: Tensor | None
) -> tuple[Tensor | list[None] | None, ...]:
    gradient = None if factors is None else scaled_gradient(*ctx.saved_tensors, -factors)
    return gradient, None, [None] * ctx.integers[0], None


_total = torch.library.custom_op("speechalign::graph_total", _totals, mutates_args=())
_total.register_fake(_totals_shapes)
_total.register_autograd(_differentiate, setup_context=_setup)
