"""Heat maps of contributions and pages of links: what is drawn, and that nothing is fetched."""

import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from speechalign import Interval
from speechalign.errors import BackendError
from speechalign.links import Links
from speechalign.viz.contribution_plot import plot_contributions
from speechalign.viz.link_page import LinkTable, link_page

SOURCE = [Interval(0.1, 0.5, "ja"), Interval(0.5, 0.9, "nein $x$ 漢")]
TARGET = [Interval(0, 1, "yes"), Interval(2, 4, "no")]


def plot(values, **options):
    pytest.importorskip("matplotlib")
    return plot_contributions(
        values, source=SOURCE, target=TARGET, links=[(1, 0), (0, 1)], width=1.0, height=4, **options
    )


def test_words_boundaries_and_links_are_drawn(tmp_path):
    figure = plot(np.array([[1.0, 3], [0, 0], [2, 1], [1, 2]]), title="<1> $y$")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["yes", "no"]
    above = axes.child_axes[0]
    assert above.get_xticklabels()[0].get_text() == "ja"
    assert list(above.get_xticks()) == pytest.approx([0.3, 0.7])
    boxes = [(p.get_xy(), p.get_width(), p.get_height()) for p in axes.patches]
    assert boxes == [((0.5, 0), pytest.approx(0.4), 1), ((0.1, 2), pytest.approx(0.4), 2)]
    vertical = {line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1}
    assert {0.1, 0.5, 0.9} <= vertical
    image = axes.images[0]
    assert image.get_extent() == [0, 1.0, 4, 0]
    np.testing.assert_allclose(image.get_array(), [[1 / 3, 1], [0, 0], [1, 0.5], [0.5, 1]])
    figure.savefig(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(BackendError, match=r"pip install 'speechalign\[plot\]'"):
        plot_contributions(np.ones((1, 1)), source=(), target=(), links=(), width=1.0, height=1.0)


class Page(HTMLParser):
    """The tags of a page, and the texts of cells."""

    def __init__(self, text):
        super().__init__()
        self.open, self.cells, self.links = [], [], set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag != "meta":
            self.open.append(tag)
        found = dict(attrs)
        self.links |= {found[name] for name in ("href", "src") if name in found}
        if tag == "td":
            self.cells.append([found.get("title"), ""])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "td":
            self.cells[-1][1] += data


def test_page():
    table = LinkTable(
        "a<b", ["ja", "&"], ["yes", "no"], np.array([[1.0, 3], [0, 0]]), Links([(1, 0)])
    )
    text = link_page([table, table], title="<t>")
    page = Page(text)
    assert page.open == []
    first = [cell for cell in page.cells if cell[0]][:4]
    assert first == [["25.0 %", ""], ["75.0 %", "●"], ["0.0 %", ""], ["0.0 %", ""]]
    assert page.links == {"#s1", "#s2"}
    assert {"s1", "s2"} == set(re.findall(r'<section id="(\w+)"', text))
    assert "a&lt;b" in text
    assert "<t>" not in text
