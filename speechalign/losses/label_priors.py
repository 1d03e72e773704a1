"""Label priors: mean posteriors of labels, which a CTC loss can subtract."""

from __future__ import annotations

import torch
from torch import Tensor

from speechalign.errors import InputError
from speechalign.losses.arguments import check_log_probs, check_scores, within


class LabelPriors:
    """The mean posterior of each label, over all frames of an epoch.

    Without priors CTC learns to say blanks nearly everywhere and each label in one frame; with
    those of the epoch before in `ctc_loss`, labels spread over the frames in which they are spoken
    [1]_. The first epoch runs without.

    Parameters
    ----------
    num_columns : int
        V, labels and blank.

    Attributes
    ----------
    sums : Tensor, shape (V,), float64
        Posteriors, summed over frames.
    frames : Tensor, shape (), float64
        Number of frames. Where several processes train, add up both over the processes, such as by
        ``torch.distributed.all_reduce``, before asking for ``log_priors``.

    References
    ----------
    .. [1] R. Huang et al., "Less peaky and more accurate CTC forced alignment by label priors",
       Proc. ICASSP, 2024.

    Examples
    --------
    >>> priors = LabelPriors(2)
    >>> priors.update(torch.tensor([[[0.9, 0.1], [0.7, 0.3]]]).log(), torch.tensor([2]))
    >>> priors.log_priors().exp()
    tensor([0.8000, 0.2000], dtype=torch.float64)
    """

    def __init__(self, num_columns: int) -> None:
        self.sums = torch.zeros(num_columns, dtype=torch.float64)
        self.frames = torch.zeros((), dtype=torch.float64)

    def update(self, log_probs: Tensor, input_lengths: Tensor) -> None:
        """Add the frames of a batch, (B, T, V) and (B,); what lies beyond a length is not read.

        Raises
        ------
        InputError
            Wrong shapes or dtypes, or NaN among the frames.
        """
        input_lengths = check_log_probs(log_probs, input_lengths)
        if log_probs.shape[2] != len(self.sums):
            raise InputError(
                f"log_probs: expected {len(self.sums)} columns as in the batches before, got "
                f"{log_probs.shape[2]}"
            )
        heard = within(input_lengths.to(log_probs.device), log_probs.shape[1])[:, :, None]
        scores = log_probs.detach().where(heard, 0.0)
        check_scores(scores)
        self.sums += (scores.double().exp() * heard).sum(dim=(0, 1)).to(self.sums.device)
        self.frames += input_lengths.sum().to(self.frames.device)

    def log_priors(self, *, floor: float = -12.0) -> Tensor:
        """Return the natural logs (V,) float64 of the means, none below the floor.

        Raises
        ------
        InputError
            There were no frames.
        """
        if self.frames == 0:
            raise InputError("log_priors: no frames were counted; update with a batch first")
        return (self.sums / self.frames).log().clamp(min=floor)
