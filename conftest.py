"""Which modules' examples are run as tests: those whose packages are installed."""

import re
from importlib.util import find_spec

_OPTIONAL = ("torch", "torchaudio", "transformers", "onnxruntime", "espeakng_loader", "k2")
_MISSING = [package for package in _OPTIONAL if find_spec(package) is None]
_IMPORTS_MISSING = re.compile(rf"^(?:import|from) ({'|'.join(_MISSING)})\b", re.MULTILINE)
_left_out = set()


def pytest_ignore_collect(collection_path, config):
    """Leave out a module of the package that imports, at its top, what is not installed."""
    if not _MISSING or collection_path.suffix != ".py":
        return None
    if config.rootpath / "speechalign" not in collection_path.parents:
        return None
    found = _IMPORTS_MISSING.search(collection_path.read_text(encoding="utf-8"))
    if found is None:
        return None
    _left_out.add((found[1], collection_path.relative_to(config.rootpath).as_posix()))
    return True


def pytest_terminal_summary(terminalreporter):
    """Say what was left out."""
    for package, module in sorted(_left_out):
        terminalreporter.write_line(f"SKIPPED doctests of {module}: needs {package}")
