"""
Align a recording and plot it
=============================

One call aligns a recording with its transcript; the result plots itself.
"""

from pathlib import Path

import speechalign

# The checkout has three recordings; use your own here.
recording = Path(speechalign.__file__).parents[1] / "examples/english/slt/tea.flac"

result = speechalign.align(recording, recording.with_suffix(".lab").read_text())
for word in result:
    print(f"{word.start:6.3f} {word.end:6.3f} {word.confidence:.2f} {word.label}")

# %%
# Waveform, spectrogram, words and phones.
figure = result.plot()
