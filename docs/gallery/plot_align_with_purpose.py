"""
Align With Purpose moves emissions
==================================

The low-latency property asks every sampled path to emit its labels a frame earlier. Here it acts on
the free scores of one utterance; in training, gradients flow on into the network.
"""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import torch

from speechalign.losses import awp_loss, ctc_loss
from speechalign.losses.properties import PROPERTIES

targets, lengths, target_lengths = torch.tensor([[1, 2, 3]]), torch.tensor([40]), torch.tensor([3])
scores_of_model = torch.zeros(1, 40, 4)
for label, frame in ((1, 12), (2, 22), (3, 32)):
    scores_of_model[0, frame - 2 : frame + 3, label] = 4.0


def train(weight, steps=300):
    """Return the posteriors of labels after some steps of CTC and, with a weight, of AWP."""
    scores = scores_of_model.clone().requires_grad_()
    optimiser = torch.optim.SGD([scores], lr=1.0)
    for step in range(steps):
        log_probs = scores.log_softmax(-1)
        loss = ctc_loss(log_probs, targets, lengths, target_lengths, blank=0)
        if weight:
            faster = partial(PROPERTIES["low_latency"], earliest=True)
            loss = loss + weight * awp_loss(log_probs, lengths, faster, blank=0, seed=step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return scores.detach().softmax(-1)[0].numpy()


without, with_purpose = train(0.0), train(3.0)

# %%
# Each label is emitted earlier; the sequence stays the same.
figure, axes = plt.subplots(2, 1, figsize=(8, 4), layout="constrained", sharex=True)
for axis, posteriors, title in zip(axes, (without, with_purpose), ("CTC", "CTC + low latency")):
    for label in (1, 2, 3):
        axis.plot(posteriors[:, label], label=f"label {label}")
    axis.set(title=title, ylabel="posterior")
axes[0].legend(ncols=3)
axes[1].set_xlabel("frame")
centres = [np.arange(40) @ p[:, 1:] / p[:, 1:].sum(0) for p in (without, with_purpose)]
print("mean frame of each label:", centres[0].round(1), "->", centres[1].round(1))
