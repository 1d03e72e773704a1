"""Check that the imports of speechalign point downwards only.

Usage: python tools/check_layers.py [FOLDER]      (default: the speechalign folder beside tools/)

Prints one line for each import that breaks a rule, and exits 1 if there is any. The rules:

1. A module imports from its own unit (the package or module right below ``speechalign``) and from
   layers below its own. Within a layer, units may import each other, except in the layer of leaves.
2. The public names of ``speechalign`` itself, but not ``__version__``, are above everything except
   the command line; others import them inside a function only.
3. Graphs and kernels import numpy, numba and the standard library, nothing else from outside,
   except what a backend needs, torch or k2: inside a function, or for its type annotations.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = "speechalign"
LAYERS = [
    {"cli", "__main__"},
    {ROOT},
    {
        "aligned", "aligner", "attention_aligner", "batch", "ctc_aligner", "executors",
        "label_boundaries", "lexicon", "onset_bias", "oovs", "phone_aligner", "recording",
        "results", "spelling", "training", "voices",
    },
    {
        "models", "losses", "metrics", "formats", "text", "corpus", "viz", "boundaries",
        "contributions",
    },
    {"confidence", "functional", "links", "long_form"},
    {"kernels"},
    {"graphs"},
    {
        "alignment", "frames", "vocabulary", "emissions", "waveform", "espeak", "containers",
        "checks", "language_codes", "padding", "registry", "errors",
    },
]  # fmt: skip
LEAVES = LAYERS[3]
NUMERIC = {"kernels", "graphs"}
NUMERIC_PACKAGES = sys.stdlib_module_names | {"numpy", "numba"}
BACKEND_PACKAGES = {"torch", "k2"}
DEPTHS = {unit: depth for depth, units in enumerate(LAYERS) for unit in units}


def main(arguments: list[str]) -> int:
    """Check a package folder; return the exit status."""
    default = Path(__file__).resolve().parent.parent / ROOT
    folder = Path(arguments[0]) if arguments else default
    faults = [fault for path in sorted(folder.rglob("*.py")) for fault in check_file(path, folder)]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def check_file(path: Path, folder: Path) -> Iterator[str]:
    """Yield a line for each import of one module that breaks a rule."""
    parts = path.relative_to(folder).with_suffix("").parts
    unit = ROOT if parts == ("__init__",) else parts[0]
    if unit not in DEPTHS:
        yield f"{path}:1: {unit} is in no layer; add it to LAYERS in tools/check_layers.py"
        return
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    for line, imported, lazy in sorted(imports(tree, parts)):
        reason = objection(unit, imported, lazy, folder)
        if reason:
            yield f"{path}:{line}: {unit} imports {imported}: {reason}"


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


def objection(unit: str, imported: str, lazy: bool, folder: Path) -> str:
    """Return why a unit may not import a dotted name, or an empty string if it may."""
    top, _, rest = imported.partition(".")
    if top != ROOT:
        allowed = top in NUMERIC_PACKAGES or (lazy and top in BACKEND_PACKAGES)
        if unit in NUMERIC and not allowed:
            return "graphs and kernels import numpy and numba only"
        return ""
    other = rest.partition(".")[0]
    if not other or not ((folder / other).is_dir() or (folder / f"{other}.py").is_file()):
        if lazy or other == "__version__":
            return ""
        other = ROOT
    if other == unit:
        return ""
    if other not in DEPTHS:
        return f"{other} is in no layer; add it to LAYERS in tools/check_layers.py"
    if DEPTHS[other] < DEPTHS[unit]:
        return "imports point downwards only"
    if other in LEAVES and unit in LEAVES:
        return "leaves do not import each other"
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
