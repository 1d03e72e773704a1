"""
Posteriors of phones
====================

The network of the model ``english`` gives, for each frame of 10 ms, the probability of each phone.
The aligned phones follow its maxima, where the transcript allows them.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import speechalign

recording = Path(speechalign.__file__).parents[1] / "examples/english/slt/tea.flac"
model = speechalign.load_model("english")
result = speechalign.Aligner(model).align(recording, recording.with_suffix(".lab").read_text())
samples = result.waveform.samples

posteriors = np.exp(model.log_posteriors(samples))

# %%
# The first two seconds; white steps are the alignment.
said = sorted({phone.label for word in result for phone in word.phones})
rows = [model.phones.index(label) for label in said]
figure, axis = plt.subplots(figsize=(9, 5), layout="constrained")
axis.imshow(
    posteriors[:200, rows].T, aspect="auto", extent=(0, 2, len(rows) - 0.5, -0.5), cmap="magma"
)
for word in result:
    for phone in word.phones:
        if phone.end < 2:
            row = said.index(phone.label)
            axis.plot([phone.start, phone.end], [row, row], color="white", lw=1.5)
axis.set_yticks(range(len(said)), said, fontsize=8)
axis.set(
    xlabel="time, s", ylabel="phone", title="Posterior probability, and the alignment in white"
)
