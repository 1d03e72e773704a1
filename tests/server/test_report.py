"""The report: one file that works from the disk, shows the worst first, and asks for nothing."""

import json
import re

import numpy as np
import pytest
from browser import wait_until

from speechalign import Alignment, Interval
from speechalign.audio.sound_file import file_hash
from speechalign.formats import read_alignment
from speechalign.pipeline.manifest import MANIFEST
from speechalign.server.report import report_page
from speechalign.server.workspace import Workspace
from speechalign.viz.notebook import NotebookView
from speechalign.viz.tier_page import Clip, tier_page

# A word may be over before anybody asks whether it plays.
WATCH_BUTTON = """() => {
  const button = document.querySelector('button');
  window.shown = [];
  new MutationObserver(() => window.shown.push(button.textContent))
    .observe(button, { childList: true, characterData: true, subtree: true });
}"""
# How much of the middle column of a canvas is drawn on, from 0 to 1.
INK = """(canvas) => {
  const column = canvas.getContext("2d").getImageData(canvas.width >> 1, 0, 1, canvas.height).data;
  return column.filter((value, i) => i % 4 === 3 && value).length / canvas.height;
}"""
READY = "document.querySelectorAll('[data-ready=yes]').length"


def rewrite(out, name, **values):
    lines = [json.loads(line) for line in (out / MANIFEST).read_text().splitlines()]
    lines = [line | values if line["utterance"] == name else line for line in lines]
    (out / MANIFEST).write_text("".join(json.dumps(line) + "\n" for line in lines))


def open_file(page, path):
    """Open a file; return what it asks for besides itself."""
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    return asked


def test_a_report_works_from_the_disk(page, out, tmp_path):
    rewrite(out, "slt/harbour", confidence=0.3, status="doubtful", reason="below <b>0.5</b>")
    (tmp_path / "report.html").write_text(report_page(Workspace(out)), encoding="utf-8")
    asked = open_file(page, tmp_path / "report.html")
    assert page.locator("section h2").all_text_contents()[0] == "slt/harbour"
    assert "below <b>0.5</b>" in page.locator("section .note").first.text_content()
    wait_until(page, f"{READY} >= 1")
    first = page.locator("section").first
    spot = first.locator("canvas.tiers")
    word = read_alignment(out / "slt/harbour.TextGrid").tiers["words"][2]
    duration = read_alignment(out / "slt/harbour.TextGrid").duration
    wide = spot.bounding_box()["width"]
    page.evaluate(WATCH_BUTTON)
    spot.click(position={"x": wide * (word.start + word.end) / 2 / duration, "y": 25})
    assert word.label in first.locator(".info").text_content()
    wait_until(page, "window.shown.includes('Pause') && window.shown.at(-1) === 'Play'")
    assert not [url for url in asked if not url.startswith(("file:", "blob:", "data:"))]
    assert page.locator("figure").count() == 3


def test_a_report_shows_corrections_and_failures(out):
    workspace = Workspace(out)
    shown = workspace.show("slt/tea")
    tiers = {t["name"]: [row[:3] for row in t["intervals"]] for t in shown["tiers"]}
    tiers["words"][1][2] = "</script><script>boom()</script>"
    workspace.save("slt/tea", shown["revision"], tiers)
    rewrite(out, "rms/river", words=[], status="failed", reason="no </table> here", confidence=None)
    html = report_page(Workspace(out))
    assert "boom" in html
    assert "<script>boom" not in html
    assert "no &lt;/table&gt; here" in html
    assert re.search(r"corrected by hand</th><td>1<", html)
    assert len(report_page(Workspace(out), most=1)) < len(html)


def test_a_report_without_sound_says_so(page, out, tmp_path):
    rewrite(out, "slt/tea", audio="/nowhere/tea.flac", confidence=0.1)
    (tmp_path / "report.html").write_text(report_page(Workspace(out), most=1), encoding="utf-8")
    open_file(page, tmp_path / "report.html")
    assert "/nowhere/tea.flac" in page.locator(".note").text_content()
    wait_until(page, f"{READY} === 1")
    assert page.get_by_role("button", name="No sound").is_disabled()


@pytest.mark.parametrize(("peak", "share"), [(0.0, 0.0), (0.02, 1.0)])
def test_waveforms_fill_the_height_but_silence_does_not(page, tmp_path, peak, share):
    samples = (peak * np.sign(np.sin(np.arange(16000)))).astype(np.float32)
    clip = Clip("a", Alignment({"words": [Interval(0.2, 0.5, "a")]}, 1.0), samples, 16000)
    html = tier_page([clip], title="one")
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    open_file(page, tmp_path / "page.html")
    wait_until(page, f"{READY} === 1")
    assert page.locator(".sound canvas").first.evaluate(INK) == pytest.approx(share, abs=0.1)


def test_a_notebook_shows_the_tiers(page, aligner, examples):
    result = aligner.align(examples / "slt/tea.flac", (examples / "slt/tea.lab").read_text())
    view = result.view()
    assert isinstance(view, NotebookView)
    page.set_content(f"<p>a cell</p>{view._repr_html_()}")
    frame = page.frame_locator("iframe")
    frame.locator("section[data-ready=yes]").wait_for()
    frame.locator("canvas.tiers").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert result.words[1].label in frame.locator(".info").text_content()
    inner = frame.locator("body").evaluate("b => [b.scrollHeight, window.innerHeight]")
    assert inner[0] <= inner[1]  # nothing is cut off


def test_long_recordings_have_a_path_and_a_part(page, out, tmp_path):
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    words = [
        {"label": "w", "start": 2.0 * n, "end": 2.0 * n + 1, "confidence": 0.9 - 0.5 * (n == 40),
         "source": "dictionary", "spoken": ["w"], "phones": [], "tokens": []}
        for n in range(60)
    ]  # fmt: skip
    grid = out / "slt/harbour.TextGrid"
    Alignment({"words": [Interval(w["start"], w["end"], "w") for w in words]}, 120.0).save(grid)
    rewrite(out, "slt/harbour", words=words, audio_duration=120.0, end=120.0, confidence=0.2,
            outputs_sha256=[file_hash(grid)])  # fmt: skip
    (tmp_path / "report.html").write_text(report_page(Workspace(out)), encoding="utf-8")
    open_file(page, tmp_path / "report.html")
    picture = page.locator(".paths img")
    assert picture.count() == 1
    assert picture.evaluate("image => image.naturalWidth") > 500
    assert "slt/harbour: the position in the text" in page.locator(".paths").text_content()
    note = page.locator("section .note").first.text_content()
    assert "70.5 to 90.5 s, around the least confident word" in note
