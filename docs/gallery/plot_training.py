"""
A training curve
================

Train a model on the corpus that it will align. Each pass of Baum-Welch makes the corpus more
likely; the jumps are the passes after which Gaussians are split.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import speechalign
from speechalign.pronunciation.lexicon import Pronunciations
from speechalign.training import Progress, train

corpus = Path(speechalign.__file__).parents[1] / "examples/english"


class Curve(Progress):
    """Keep what each pass reports."""

    def __init__(self):
        self.passes = []

    def finished(self, iteration):
        self.passes.append((iteration.log_likelihood, iteration.gaussians))

    def warn(self, line):
        print(line)


# Three recordings are far too few for a good model, as the warning says.
curve = Curve()
with tempfile.TemporaryDirectory() as folder:
    train(
        list(speechalign.read_corpus(corpus)),
        Pronunciations("en", {}, "graphemes"),
        f"{folder}/model",
        name="three",
        licence="Apache-2.0",
        gaussians=4,
        progress=curve,
    )

# %%
likelihoods, gaussians = zip(*curve.passes)
figure, axis = plt.subplots(figsize=(7, 3.5), layout="constrained")
axis.plot(range(1, len(likelihoods) + 1), likelihoods, marker="o")
axis.set(xlabel="pass", ylabel="log-likelihood per frame")
other = axis.twinx()
other.step(range(1, len(gaussians) + 1), gaussians, where="mid", color="tab:grey", alpha=0.6)
other.set_ylabel("Gaussians")
print(f"{likelihoods[0]:.1f} -> {likelihoods[-1]:.1f} in {len(likelihoods)} passes")
