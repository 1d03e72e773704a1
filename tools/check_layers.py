"""Check that the imports of speechalign point downwards only.

Usage: python tools/check_layers.py [FOLDER]      (default: the speechalign folder beside tools/)

Prints one line for each import that breaks a rule, and exits 1 if there is any. The rules:

1. A room (a module or package of ``FLOORS``) imports from itself and from the floors below its
   own. Rooms of one floor do not import each other, except the pairs in ``SIBLINGS``.
2. No module imports itself, through others: there are no circles. Imports inside a function or
   under ``if TYPE_CHECKING`` do not count here.
3. The public names of ``speechalign`` itself, but not ``__version__``, are above everything except
   the command line; others import them inside a function only.
4. Graphs and kernels import numpy, numba and the standard library, nothing else from outside,
   except what a backend needs, torch or k2: inside a function, or for its type annotations.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = "speechalign"
FLOORS = [
    {"__main__"},
    {"cli"},
    {ROOT},
    {"server"},
    {"pipeline", "training"},
    {"aligners", "segmentation", "transcription"},
    {"pronunciation"},
    {"models.speech_llm"},
    {"models.ctc"},
    {"models.hmm_gmm", "models.neural_hmm"},
    {
        "models",
        "losses",
        "metrics",
        "corpus",
        "viz",
        "contributions",
        "functional",
    },
    {"text"},
    {"audio", "espeak", "links"},
    {"formats"},
    {"kernels"},
    {"graphs"},
    {"emissions"},
    {"alignment", "frames", "vocabulary", "checks", "registry", "files"},
    {"errors", "language_codes"},
]
SIBLINGS: set[tuple[str, str]] = set()
"""Pairs of rooms of one floor: the first may import the second."""

NUMERIC = {"kernels", "graphs"}
NUMERIC_PACKAGES = sys.stdlib_module_names | {"numpy", "numba"}
BACKEND_PACKAGES = {"torch", "k2"}
DEPTHS = {room: depth for depth, rooms in enumerate(FLOORS) for room in rooms}


def main(arguments: list[str]) -> int:
    """Check a package folder; return the exit status."""
    default = Path(__file__).resolve().parent.parent / ROOT
    folder = Path(arguments[0]) if arguments else default
    paths = sorted(folder.rglob("*.py"))
    faults = [fault for path in paths for fault in check_file(path, folder)]
    # A circle through two floors has an import upwards, which is reported already.
    if not faults:
        faults = circles({module_name(path, folder): needs(path, folder) for path in paths})
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def check_file(path: Path, folder: Path) -> Iterator[str]:
    """Yield a line for each import of one module that breaks a rule."""
    parts = path.relative_to(folder).with_suffix("").parts
    room = ROOT if parts == ("__init__",) else room_of(".".join(parts))
    if room is None:
        yield f"{path}:1: {parts[0]} is on no floor; add it to FLOORS in tools/check_layers.py"
        return
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    for line, imported, lazy in sorted(imports(tree, parts)):
        reason = objection(room, imported, lazy, folder)
        if reason:
            yield f"{path}:{line}: {room} imports {imported}: {reason}"


def room_of(dotted: str) -> str | None:
    """Return the room that holds a module, named from below ``speechalign``."""
    parts = dotted.split(".")
    names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((name for name in names if name in DEPTHS), None)


def imports(tree: ast.Module, parts: tuple[str, ...]) -> Iterator[tuple[int, str, bool]]:
    """Yield the line and dotted name of everything imported, and whether only when called for.

    That is inside a function, or under ``if TYPE_CHECKING``.
    """
    package = (ROOT, *parts[:-1])
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, lazy = waiting.pop()
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, lazy
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else ()
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{prefix}.{alias.name}", lazy
        lazy = (
            lazy
            or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        )
        waiting.extend((child, lazy) for child in ast.iter_child_nodes(node))


def objection(room: str, imported: str, lazy: bool, folder: Path) -> str:
    """Return why a room may not import a dotted name, or an empty string if it may."""
    top, _, rest = imported.partition(".")
    if top != ROOT:
        allowed = top in NUMERIC_PACKAGES or (lazy and top in BACKEND_PACKAGES)
        if room in NUMERIC and not allowed:
            return "graphs and kernels import numpy and numba only"
        return ""
    first = rest.partition(".")[0]
    if not first or not ((folder / first).is_dir() or (folder / f"{first}.py").is_file()):
        if lazy or first == "__version__":
            return ""
        rest = ROOT
    other = room_of(rest)
    if other is None:
        return f"{first} is on no floor; add it to FLOORS in tools/check_layers.py"
    if other == room or (room, other) in SIBLINGS:
        return ""
    if DEPTHS[other] < DEPTHS[room]:
        return "imports point downwards only"
    if DEPTHS[other] == DEPTHS[room]:
        return "rooms of one floor do not import each other"
    return ""


def module_name(path: Path, folder: Path) -> str:
    """Return the dotted name of a file; a package's is that of its folder."""
    parts = (ROOT, *path.relative_to(folder).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def needs(path: Path, folder: Path) -> set[str]:
    """Return the modules that a module imports when it is imported itself."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    found = set()
    for _, imported, lazy in imports(tree, path.relative_to(folder).with_suffix("").parts):
        if not lazy and imported.partition(".")[0] == ROOT:
            parts = imported.split(".")
            for length in (len(parts), len(parts) - 1):
                file = folder.joinpath(*parts[1:length])
                if file.with_suffix(".py").is_file() or (file / "__init__.py").is_file():
                    found.add(".".join(parts[:length]))
                    break
    return found - {ROOT, module_name(path, folder)}


def circles(graph: Mapping[str, set[str]]) -> list[str]:
    """Return a line for each circle of imports that a search in depth meets."""
    found: list[str] = []
    done: set[str] = set()

    def visit(module: str, way: list[str]) -> None:
        if module in way:
            found.append("circle: " + " -> ".join([*way[way.index(module) :], module]))
        elif module not in done:
            for other in sorted(graph.get(module, ())):
                visit(other, [*way, module])
            done.add(module)

    for module in sorted(graph):
        visit(module, [])
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
