"""
Word links of a translation, scored by SAER
===========================================

A contribution map says how much each stretch of the source speech contributed to each word of the
translation. The links that follow from it are scored against links set by hand.
"""

import numpy as np

from speechalign import Interval, score
from speechalign.contributions import time_units, token_units, word_map
from speechalign.links import Links, TimedWord, WeightedLinks
from speechalign.viz.contribution_plot import plot_contributions

source = [
    TimedWord("das", 0.0, 0.2),
    TimedWord("alte", 0.2, 0.6),
    TimedWord("Haus", 0.6, 1.1),
    TimedWord("brennt", 1.1, 1.6),
]
target = ["▁the", "▁old", "▁hou", "se", "▁is", "▁burning"]

# A made-up map: 16 frames of 0.1 s; each row belongs to a token of the translation.
rng = np.random.default_rng(0)
centres = [0.1, 0.4, 0.75, 0.85, 1.2, 1.35]
frames = np.arange(16) * 0.1 + 0.05
values = np.array([np.exp(-(((frames - centre) / 0.15) ** 2)) for centre in centres])
values += 0.1 * rng.random(values.shape)

units = token_units(target, len(target), "sentencepiece")
found = word_map(values, source=time_units(source, 16, seconds=1.6), target=units)
links = found.links()

# %%
# TW-SAER weighs a link by the duration of its source word.
gold = Links(sure=[(0, 0), (1, 1), (2, 2), (3, 4)], possible=[(3, 3)])
saer = score([(gold, links)], metric="aer")
weighted = WeightedLinks(gold, [word.end - word.start for word in source], [1.0] * 5)
timed = score([(weighted, links)], metric="tw-saer")
print(f"SAER {saer.error_rate:.3f}, TW-SAER {timed.error_rate:.3f}")

words = ["the", "old", "house", "is", "burning"]
figure = plot_contributions(
    found.values,
    source=[Interval(word.start, word.end, word.label) for word in source],
    target=[Interval(float(i), i + 1.0, word) for i, word in enumerate(words)],
    links=sorted(links.sure),
    width=1.6,
    height=5.0,
)
