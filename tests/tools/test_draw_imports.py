"""The drawing of the imports shows those that there are."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool(monkeypatch):
    """Return the tool as a module."""
    monkeypatch.setattr(sys, "path", [str(ROOT / "tools"), *sys.path])
    import draw_imports

    return draw_imports


def test_the_drawing_is_of_today(tool):
    drawn = (ROOT / "docs" / "imports.svg").read_text(encoding="utf-8")
    assert drawn == tool.drawing(ROOT / "speechalign"), "run python tools/draw_imports.py"


def test_every_room_has_a_box_and_every_arrow_points_down(tool):
    drawn = tool.drawing(ROOT / "speechalign")
    boxes = re.findall(r'font-size="12">([\w.]+)</tspan>', drawn)
    assert sorted(boxes) == sorted(tool.DEPTHS.keys() - tool.HIDDEN)
    ends = re.findall(r'<path d="M\d+ (\d+) C.* (\d+)" fill="none"', drawn)
    assert len(ends) > len(boxes)
    assert all(int(top) < int(bottom) for top, bottom in ends)


def test_arrows(tool, tmp_path):
    for name, text in {
        "__init__": "def __getattr__(name):\n    import speechalign.aligners\n",
        "cli/main": "from speechalign import __version__, align\n",
        "aligners/ctc": "from speechalign.models.ctc import load\nimport speechalign.errors\n",
        "models/ctc/load": "def f():\n    from ...errors import E\n",
        "errors": "",
    }.items():
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    arrows = tool.arrows_of(tmp_path)
    assert {room: others for room, others in arrows.items() if others} == {
        "cli": {"speechalign"},
        "speechalign": {"aligners"},
        "aligners": {"models.ctc", "errors"},
        "models.ctc": {"errors"},
    }
    assert tool.without_detours(arrows)["aligners"] == ["models.ctc"]
