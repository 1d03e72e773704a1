"""Articulatory scores: a panel for each attribute, in time with the tiers."""

import numpy as np
import pytest
from small_neural_hmm import articulatory_hmm, noise

from speechalign import Alignment, Interval
from speechalign.audio.waveform import Waveform
from speechalign.errors import InputError
from speechalign.text.articulation import ATTRIBUTES

FigureCanvasAgg = pytest.importorskip("matplotlib.backends.backend_agg").FigureCanvasAgg
pytest.importorskip("librosa")

from speechalign.viz import plot_articulation  # noqa: E402

RATE = 16000
PHONES = [Interval(0.1, 0.3, "ŋ"), Interval(0.3, 0.5, "a")]
ALIGNMENT = Alignment({"words": [Interval(0.1, 0.5, "ŋa")], "phones": PHONES}, 1.0)


def waveform():
    return Waveform(noise(RATE), RATE, 1, None, RATE)


def test_each_attribute_has_a_panel_between_spectrogram_and_tiers():
    found = articulatory_hmm().attributes(noise(RATE))
    figure = plot_articulation(ALIGNMENT, waveform(), found)
    FigureCanvasAgg(figure).draw()
    panels = {axes.get_ylabel(): axes for axes in figure.axes}
    assert panels.keys() >= {"kHz", *ATTRIBUTES, "words", "phones"}
    heights = [panels[name].get_position().y0 for name in ("kHz", *ATTRIBUTES, "words", "phones")]
    assert heights == sorted(heights, reverse=True)
    manner = panels["manner"]
    assert [text.get_text() for text in manner.get_yticklabels()][::-1] == [*ATTRIBUTES["manner"]]
    [image] = manner.images
    assert np.allclose(image.get_array()[-1], found["manner"][:, 0])  # silence, the highest
    assert manner.get_xlim() == (0, 1)
    assert [line.get_xdata()[0] for line in manner.lines] == [0.1, 0.3, 0.5]


def test_some_attributes_and_bad_input():
    figure = plot_articulation(ALIGNMENT, waveform(), {"voicing": np.full((100, 2), 0.5)})
    assert len(figure.axes) == 5
    with pytest.raises(InputError, match="'tone': expected one of manner, place"):
        plot_articulation(ALIGNMENT, waveform(), {"tone": np.ones((100, 2))})
    with pytest.raises(InputError, match=r"voicing: expected shape \(T, 2\), got \(100, 3\)"):
        plot_articulation(ALIGNMENT, waveform(), {"voicing": np.ones((100, 3))})
