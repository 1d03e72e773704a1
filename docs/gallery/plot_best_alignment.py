"""
The best alignment of speech and text embeddings
================================================

The best-alignment loss finds the cheapest monotone map of frames to tokens, and draws each frame to
its token. The map is a dynamic programme; the gradient touches cells on the path alone.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from speechalign.kernels.warping import best_map
from speechalign.losses import best_alignment_loss

generator = torch.Generator().manual_seed(3)
text = torch.randn(1, 6, 16, generator=generator)
durations = [7, 4, 9, 5, 8, 7]
speech = text[0].repeat_interleave(torch.tensor(durations), 0)[None]
speech = (speech + 2.0 * torch.randn(speech.shape, generator=generator)).requires_grad_()

loss = best_alignment_loss(speech, text, torch.tensor([40]), torch.tensor([6]), distance="cosine")
loss.backward()

# %%
# The path over the distances, and where the frames were in truth.
costs = 1 - torch.nn.functional.cosine_similarity(speech[0, :, None], text[0, None], dim=2)
path = best_map(np.ascontiguousarray(costs.detach().numpy()), skip=False, free_ends=False)
truth = np.repeat(np.arange(6), durations)

figure, axis = plt.subplots(figsize=(9, 3), layout="constrained")
image = axis.imshow(costs.detach().numpy().T, aspect="auto", origin="lower", cmap="Blues_r")
axis.plot(truth, color="tab:grey", drawstyle="steps-mid", label="truth")
axis.plot(path, color="tab:orange", drawstyle="steps-mid", label="best alignment")
axis.set(xlabel="frame", ylabel="token")
axis.legend()
figure.colorbar(image, label="distance (cosine)")
print(f"loss {float(loss.detach()):.3f}; {np.mean(path == truth):.0%} of the frames are right")
