"""
Expected n-grams of non-monotonic latent alignment
==================================================

CTC punishes words that are right but in another order. NMLA counts the bigrams that a model is
expected to emit, wherever they are, and compares the counts with those of the target.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from speechalign.losses import ctc_loss, nmla_loss
from speechalign.losses.nmla import ngram_matches

words = ["ε", "house", "old", "the", "burns"]
target = torch.tensor([[3, 2, 1, 4]])  # the old house burns


def emitting(order, frames=12, sharpness=3.0):
    """Return log-probabilities that favour the words in an order, one every third frame."""
    scores = torch.zeros(1, frames, len(words))
    scores[0, :, 0] = 2.0
    for place, word in enumerate(order):
        scores[0, 3 * place + 1, word] += sharpness
    return scores.log_softmax(-1)


orders = {
    "the old house burns": [3, 2, 1, 4],
    "burns the old house": [4, 3, 2, 1],
    "house burns the old": [1, 4, 3, 2],
    "burns house old the": [4, 1, 2, 3],
}
lengths, target_lengths = torch.tensor([12]), torch.tensor([4])
rows = []
for text, order in orders.items():
    batch = (emitting(order), target, lengths, target_lengths)
    rows.append(
        [
            float(ctc_loss(*batch, blank=0)),
            float(nmla_loss(*batch, n=2, blank=0)),
            float(ngram_matches(*batch, n=2, blank=0).matched),
        ]
    )
    print(f"{text}: CTC {rows[-1][0]:.2f}, NMLA {rows[-1][1]:.2f}")

# %%
# A phrase that moves as a whole keeps most of its bigrams, and NMLA its value; CTC does not.
figure, axes = plt.subplots(1, 3, figsize=(11, 3), layout="constrained", sharey=True)
titles = ("CTC loss", "NMLA loss (bigrams)", "expected matches of bigrams")
for axis, values, title in zip(axes, np.array(rows).T, titles):
    axis.barh(list(orders), values)
    axis.set_title(title)
axes[0].invert_yaxis()
