"""
Speaking rate
=============

Syllables (vowels) a second in a sliding window, without the pauses.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import speechalign

recording = Path(speechalign.__file__).parents[1] / "examples/english/slt/harbour.flac"
result = speechalign.align(recording, recording.with_suffix(".lab").read_text())

vowels = [
    (phone.start + phone.end) / 2
    for word in result
    for phone in word.phones
    if phone.label[0] in "AEIOU"
]
spoken = [(word.start, word.end) for word in result]

# %%
# Count the vowels within half a second on each side, and divide by the time with speech.
times = np.arange(0.25, result.duration - 0.25, 0.02)
rates = []
for time in times:
    low, high = time - 0.5, time + 0.5
    speech = sum(max(0.0, min(end, high) - max(start, low)) for start, end in spoken)
    count = sum(low <= vowel < high for vowel in vowels)
    rates.append(count / speech if speech > 0.2 else np.nan)

figure, axis = plt.subplots(figsize=(9, 3.2), layout="constrained")
axis.plot(times, rates)
for word in result:
    axis.axvspan(word.start, word.end, color="tab:blue", alpha=0.08, lw=0)
    axis.text((word.start + word.end) / 2, 0.3, word.label, rotation=90, fontsize=8, ha="center")
axis.set(xlabel="time, s", ylabel="syllables a second", ylim=(0, None))
print(f"{len(vowels) / sum(end - start for start, end in spoken):.2f} syllables a second")
