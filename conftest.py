"""Which modules' examples are run as tests: those whose packages are installed."""

from importlib import import_module

_OPTIONAL = {"k2", "onnxruntime", "peft", "safetensors", "torch", "torchaudio", "transformers"}
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


def pytest_terminal_summary(terminalreporter):
    """Say what was left out."""
    for package, name in sorted(_left_out):
        terminalreporter.write_line(f"SKIPPED examples of {name}: needs {package}")
