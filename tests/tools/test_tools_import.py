"""Tools are run by hand: what they import from the package is still there."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

from speechalign.errors import BackendError

ROOT = Path(__file__).resolve().parents[2]
TOOLS = sorted((ROOT / "tools").rglob("*.py"))


def imported(path):
    """Return module and name of all that a file imports from the package."""
    return [
        (node.module, alias.name)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "speechalign"
        for alias in node.names
    ]


@pytest.mark.parametrize("path", TOOLS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_tool_imports_is_there(path):
    for module, name in imported(path):
        try:
            if not hasattr(import_module(module), name):
                import_module(f"{module}.{name}")
        except BackendError as error:
            pytest.skip(str(error))
        except ModuleNotFoundError as error:
            if "speechalign" in str(error.name):
                raise
            pytest.skip(f"needs {error.name}")


def test_there_are_tools_that_import():
    assert sum(bool(imported(path)) for path in TOOLS) > 10
