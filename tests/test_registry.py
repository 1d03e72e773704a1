"""A Registry imports on first use, and lets other packages add entries."""

import sys
from importlib.metadata import EntryPoint

import pytest

from speechalign import registry
from speechalign.errors import InputError
from speechalign.registry import Registry


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Make modules that can be imported, and forget them afterwards."""
    for name in ("fresh_leaf", "foreign_leaf"):
        (tmp_path / f"{name}.py").write_text("def run():\n    return __name__\n")
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("fresh_leaf", "foreign_leaf"):
        sys.modules.pop(name, None)


@pytest.fixture
def foreign(monkeypatch):
    """Pretend that another package adds entries to the group ``leaves``."""
    points = [
        EntryPoint("other", "foreign_leaf:run", "leaves"),
        EntryPoint("fresh", "foreign_leaf:run", "leaves"),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == "leaves" else [])


@pytest.mark.usefixtures("modules")
def test_nothing_is_imported_before_it_is_asked_for():
    leaves = Registry("leaves", {"fresh": "fresh_leaf:run", "module": "fresh_leaf"})
    assert list(leaves) == ["fresh", "module"]
    assert len(leaves) == 2
    assert "fresh" in leaves
    assert "fresh_leaf" not in sys.modules
    assert leaves["fresh"]() == "fresh_leaf"
    assert leaves["module"] is sys.modules["fresh_leaf"]


@pytest.mark.usefixtures("modules", "foreign")
def test_other_packages_add_entries_but_do_not_replace_ours():
    leaves = Registry("leaves", {"fresh": "fresh_leaf:run"})
    assert leaves["other"]() == "foreign_leaf"
    assert leaves["fresh"]() == "fresh_leaf"
    assert dict(leaves).keys() == {"fresh", "other"}


@pytest.mark.usefixtures("modules", "foreign")
@pytest.mark.parametrize("ask", [list, len, lambda r: "other" in r, dict])
def test_entry_points_are_read_whatever_is_asked_first(ask):
    leaves = Registry("leaves", {})
    assert ask(leaves)
    assert sorted(leaves) == ["fresh", "other"]


def test_unknown_name_lists_the_known_ones():
    leaves = Registry("leaves", {"b": "x", "a": "y"})
    with pytest.raises(InputError, match=r"leaves: no entry 'c'; there is: a, b$"):
        leaves["c"]
    assert "c" not in leaves


def test_entries_are_copied():
    entries = {"a": "math:sqrt"}
    leaves = Registry("leaves", entries)
    entries.clear()
    assert leaves["a"](9.0) == 3.0
