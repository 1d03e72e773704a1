"""
Vowels: durations and formants
==============================

Align a corpus, then measure every vowel at its middle with Praat's formant tracker
(`parselmouth <https://parselmouth.readthedocs.io>`_).
"""

from collections import defaultdict
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import parselmouth

import speechalign

corpus = Path(speechalign.__file__).parents[1] / "examples/english"
vowels = ["AA", "AE", "AH", "AO", "EH", "ER", "EY", "IH", "IY", "OW", "UH", "UW"]

durations, formants = defaultdict(list), defaultdict(list)
for utterance in speechalign.align_corpus(corpus):
    sound = parselmouth.Sound(str(corpus / f"{utterance.utterance}.flac"))
    tracks = sound.to_formant_burg(maximum_formant=5250.0)
    for word in utterance:
        for phone in word.phones:
            if phone.label in vowels:
                middle = (phone.start + phone.end) / 2
                values = [tracks.get_value_at_time(number, middle) for number in (1, 2)]
                durations[phone.label].append(phone.end - phone.start)
                formants[phone.label].append(values)

# %%
# The axes run as phoneticians draw them: high vowels above, front vowels on the left.
figure, (space, lengths) = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
for label, values in formants.items():
    first, second = np.array(values).T
    space.scatter(second, first, s=12, alpha=0.5)
    space.text(np.median(second), np.median(first), label, ha="center", va="center", weight="bold")
space.invert_xaxis()
space.invert_yaxis()
space.set(xlabel="F2, Hz", ylabel="F1, Hz", title="Vowel space")

shown = sorted(durations, key=lambda label: np.median(durations[label]))
lengths.boxplot([1000 * np.array(durations[label]) for label in shown], tick_labels=shown)
lengths.set(xlabel="vowel", ylabel="duration, ms", title="Durations")
print(sum(map(len, durations.values())), "vowels")
