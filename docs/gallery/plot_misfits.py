"""
A text that does not fit
========================

Here the text has a sentence that nobody said, and the recording one that nobody wrote down. With
``allow``, both are found; the path shows where.
"""

from pathlib import Path

import numpy as np
import soundfile

import speechalign

corpus = Path(speechalign.__file__).parents[1] / "examples/english"
names = ["rms/river", "slt/harbour", "slt/tea", "rms/river"]
pause = np.zeros(8000, np.float32)
pieces = []
for name in names:
    samples, rate = soundfile.read(corpus / f"{name}.flac", dtype="float32")
    pieces += [samples, pause]

texts = {name: (corpus / f"{name}.lab").read_text().strip() for name in names}
text = " ".join(
    [texts["rms/river"], "This sentence was never said by anybody here.", texts["slt/tea"]]
)
aligner = speechalign.Aligner(allow=["skips", "insertions"])
result = aligner.align(np.concatenate(pieces), text, sample_rate=rate)

print("skipped:", " ".join(word.label for word in result.words if word.status == "skipped"))
for stretch in result.untranscribed:
    print(f"untranscribed: {stretch.start:.2f} to {stretch.end:.2f} s")

# %%
# Skipped words are red bands, audio without text is grey.
figure = result.plot()
