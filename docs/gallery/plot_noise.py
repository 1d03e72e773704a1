"""
Noise against error
===================

White noise is added to recordings whose times are known from their synthesiser. The default model
loses its way; ``english`` was trained on corrupted speech.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import soundfile

import speechalign
from speechalign.audio.augmentation import add_noise, white_noise
from speechalign.metrics import boundary_errors

examples = Path(speechalign.__file__).parents[1] / "examples"
recordings = sorted(examples.glob("english/*/*.flac"))
ratios = [20, 10, 5, 0, -5]

errors = {}
for name in ("english-sphinx", "english"):
    aligner = speechalign.Aligner(name)
    errors[name] = []
    for ratio in ratios:
        means = []
        for number, path in enumerate(recordings):
            samples, rate = soundfile.read(path, dtype="float32")
            noise = white_noise(len(samples), np.random.default_rng(number))
            result = aligner.align(
                add_noise(samples, noise, ratio),
                path.with_suffix(".lab").read_text(),
                sample_rate=rate,
            )
            gold = examples / "gold" / path.parent.name / f"{path.stem}.TextGrid"
            found = boundary_errors(speechalign.read_alignment(gold), result.alignment)
            means.append(1000 * found.both.mean)
        errors[name].append(np.mean(means))

# %%
# Three synthetic recordings show the trend; the benchmarks have figures on human speech.
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
for name, values in errors.items():
    axis.plot(ratios, values, marker="o", label=name)
    print(name, " ".join(f"{value:.0f}" for value in values), "ms")
axis.invert_xaxis()
axis.set(xlabel="signal-to-noise ratio, dB", ylabel="mean error of word boundaries, ms")
axis.legend()
