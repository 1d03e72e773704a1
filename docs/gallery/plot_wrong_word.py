"""
Confidence of a wrong word
==========================

A word that was not said stands out: its confidence falls, and its neighbours keep theirs.
"""

from pathlib import Path

import matplotlib.pyplot as plt

import speechalign

recording = Path(speechalign.__file__).parents[1] / "examples/english/rms/river.flac"
said = "A heron waits by the river, as patient as a stone."
wrong = "A heron waits by the garden, as patient as a stone."

aligner = speechalign.Aligner()
results = [aligner.align(recording, text) for text in (said, wrong)]

# %%
# One bar for each word; the replaced one is nearly zero.
figure, axes = plt.subplots(2, 1, figsize=(8, 4.5), layout="constrained", sharey=True)
for axis, result, title in zip(axes, results, ("What was said", "With one wrong word")):
    confidence = [word.confidence for word in result]
    colours = ["tab:blue" if value > 0.5 else "tab:orange" for value in confidence]
    axis.bar(range(len(result)), confidence, color=colours)
    axis.set_xticks(range(len(result)), [word.label for word in result])
    axis.set(title=title, ylabel="confidence", ylim=(0, 1))

wrong_word = results[1].words[5]
print(f"{wrong_word.label}: {wrong_word.confidence:.3f}")
