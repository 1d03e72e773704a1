"""Install a rival in an environment of its own, and run it there.

    python tools/rivals/environment.py install NAME FOLDER
    python tools/rivals/environment.py run NAME FOLDER CORPUS OUT [--language CODE]
        [--dictionary FILE]

NAME is a script beside this file. Its header names what it depends on, in the inline metadata of
PEP 723: packages of PyPI with their versions, or `[tool.conda] packages`. FOLDER/NAME becomes the
environment, and stays. What the script takes and writes is in README.md. Needs nothing but Python.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent
_BLOCK = re.compile(r"^# /// script\n((?:#.*\n)*?)# ///$", re.MULTILINE)
_CONDA = ("micromamba", "mamba", "conda")
_DONE = "installed.txt"


def rivals() -> list[str]:
    """Return the names of all rivals."""
    found = SCRIPTS.glob("*.py")
    return sorted(path.stem for path in found if _BLOCK.search(path.read_text(encoding="utf-8")))


def requirements(name: str) -> dict[str, list[str]]:
    """Return the lists in the header of a rival: ``dependencies``, and ``packages`` of conda."""
    block = _BLOCK.search((SCRIPTS / f"{name}.py").read_text(encoding="utf-8"))
    assert block is not None, name
    lists = re.findall(r"^# (\w+) = \[(.*)\]$", block.group(1), re.MULTILINE)
    return {key: re.findall(r'"([^"]*)"', values) for key, values in lists}


def install(name: str, folder: Path) -> None:
    """Make the environment of a rival, unless it is there already; SystemExit with the reason."""
    target = folder.resolve() / name
    needs = requirements(name)
    pins = "\n".join(package for packages in needs.values() for package in packages)
    if (target / _DONE).is_file() and (target / _DONE).read_text(encoding="utf-8") == pins:
        return
    shutil.rmtree(target, ignore_errors=True)
    if "packages" in needs:
        conda = next(filter(None, map(shutil.which, _CONDA)), None)
        if conda is None:
            raise SystemExit(f"{name}: not installed: needs {', '.join(_CONDA[:2])} or conda")
        steps = [[conda, "create", "-y", "-q", "-p", target, "-c", "conda-forge"]]
        steps[0] += needs["packages"]
    else:
        pip = [target / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        steps = [[sys.executable, "-m", "venv", target]]
        steps += [[*pip, package] for package in needs["dependencies"]]
    for step in steps:
        done = subprocess.run([*map(str, step)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name}: not installed: {_cause(done.stderr or done.stdout)}")
    (target / _DONE).write_text(pins, encoding="utf-8")


def _cause(messages: str) -> str:
    """Return the line of an installer's messages that says most."""
    lines = [line.strip() for line in messages.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"cannot find|error:|not found", line, re.I)]
    return (telling or lines or ["no message"])[0][:200]


def main() -> None:
    """Install a rival, or run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=("install", "run"))
    parser.add_argument("name", choices=rivals())
    parser.add_argument("folder", type=Path)
    options, rest = parser.parse_known_args()
    if options.action == "install":
        install(options.name, options.folder)
        return
    target = options.folder.resolve() / options.name
    if not (target / _DONE).is_file():
        raise SystemExit(f"{options.name}: not installed in {options.folder}")
    # Isolated: a script named like its package must not hide it, nor PYTHONPATH another version.
    command = [target / "bin/python", "-I", SCRIPTS / f"{options.name}.py", *rest]
    raise SystemExit(subprocess.run([*map(str, command)], check=False).returncode)


if __name__ == "__main__":
    main()
