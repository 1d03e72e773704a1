"""
Subtitles in a player
=====================

Align, write WebVTT with the times of each word, and play it in the page.
"""

import base64
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import speechalign

recording = Path(speechalign.__file__).parents[1] / "examples/english/slt/harbour.flac"
result = speechalign.align(recording, recording.with_suffix(".lab").read_text())

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "harbour.vtt"
    speechalign.write_alignment(result.alignment, path, cue_characters=30, cue_highlight=True)
    vtt = path.read_text(encoding="utf-8")
print(vtt)


# %%
# Press play: the browser shows each subtitle and, inside it, the word that is being said.
class Player:
    """A page with the recording and its subtitles."""

    def _repr_html_(self):
        sound = base64.b64encode(recording.read_bytes()).decode()
        track = base64.b64encode(vtt.encode()).decode()
        return (
            '<video controls width="100%" height="140" style="background: #223">'
            f'<source src="data:audio/flac;base64,{sound}">'
            f'<track default kind="subtitles" srclang="en" src="data:text/vtt;base64,{track}">'
            "</video>"
        )


Player()

# %%
# The same in time: a row for each subtitle.
cues = [line for line in vtt.splitlines() if " --> " in line]
figure, axis = plt.subplots(figsize=(9, 1.8), layout="constrained")
for row, cue in enumerate(cues):
    start, end = (
        sum(60**power * float(part) for power, part in enumerate(reversed(time.split(":"))))
        for time in cue.split(" --> ")
    )
    axis.barh(row, end - start, left=start, color="tab:blue", alpha=0.4)
for word in result:
    axis.text(word.start, len(cues) - 0.4, word.label, fontsize=7)
axis.set(xlabel="time, s", yticks=range(len(cues)), ylim=(-0.6, len(cues) + 0.1))
