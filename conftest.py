"""Which modules' examples are run as tests, and which tests may be skipped."""

import re
from importlib import import_module

_OPTIONAL = {
    "k2",
    "multipart",
    "onnxruntime",
    "peft",
    "safetensors",
    "torch",
    "torchaudio",
    "transformers",
}
_left_out = set()


def pytest_ignore_collect(collection_path, config):
    """Leave out a module of the package that cannot be imported for want of an optional package."""
    package = config.rootpath / "speechalign"
    if collection_path.suffix != ".py" or package not in collection_path.parents:
        return None
    name = ".".join(collection_path.relative_to(config.rootpath).with_suffix("").parts)
    if name.endswith("__main__"):
        return None
    try:
        import_module(name.removesuffix(".__init__"))
    except Exception as error:
        missing = error
        while missing is not None and not isinstance(missing, ModuleNotFoundError):
            missing = missing.__context__
        if missing is None or missing.name.partition(".")[0] not in _OPTIONAL:
            raise
        _left_out.add((missing.name, name))
        return True
    return None


def pytest_addoption(parser):
    """Add the option of environments where everything is installed."""
    parser.addoption("--may-skip", help="fail if a test is skipped for a reason without this regex")


def pytest_sessionfinish(session):
    """Fail where a test was skipped that may not be."""
    if _wrongly_skipped(session.config):
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter, config):
    """Print what was left out, and what may not be skipped."""
    for package, name in sorted(_left_out):
        terminalreporter.write_line(f"SKIPPED examples of {name}: needs {package}")
    for test, reason in _wrongly_skipped(config):
        terminalreporter.write_line(f"MAY NOT BE SKIPPED {test}: {reason}")


def _wrongly_skipped(config):
    """Return test and reason of each skip that the option does not allow."""
    allowed = config.getoption("--may-skip")
    if allowed is None:
        return []
    reports = config.pluginmanager.get_plugin("terminalreporter").stats.get("skipped", [])
    skipped = [(report.nodeid, report.longrepr[2]) for report in reports]
    skipped += [(f"examples of {name}", f"needs {package}") for package, name in sorted(_left_out)]
    return [(test, reason) for test, reason in skipped if not re.search(allowed, reason)]
