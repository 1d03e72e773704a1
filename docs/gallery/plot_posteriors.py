"""
Posteriors of phones, and intervals of boundaries
=================================================

The network of the model ``english`` gives, for each frame of 10 ms, the probability of each phone.
The aligned phones follow its maxima, where the transcript allows them. Each boundary has a credible
interval.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import speechalign

recording = Path(speechalign.__file__).parents[1] / "examples/english/slt/tea.flac"
model = speechalign.load_model("english")
aligner = speechalign.Aligner(model, posteriors=["intervals"])
result = aligner.align(recording, recording.with_suffix(".lab").read_text())
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

# %%
# The 50 and 90 % intervals of the start of each word. Most of the width is the disagreement of
# people who set boundaries by hand, which the intervals include.
figure, axis = plt.subplots(figsize=(9, 3), layout="constrained")
for row, word in enumerate(result):
    for (low, high), width in ((word.span.start_90, 3), (word.span.start_50, 8)):
        axis.plot([low, high], [row, row], color="tab:blue", lw=width, alpha=0.5)
    axis.plot(word.start, row, "|", color="black", ms=10)
    axis.text(word.span.start_90[1] + 0.03, row, word.label, va="center", fontsize=8)
    widths = [1000 * (high - low) for low, high in (word.span.start_50, word.span.start_90)]
    print(f"{word.label:8} {widths[0]:3.0f} ms, {widths[1]:3.0f} ms")
axis.invert_yaxis()
axis.set(xlabel="time, s", yticks=[])
