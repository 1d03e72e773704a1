"""Check the prose of pages, help texts and docstrings against the style of this project.

``python tools/check_prose.py`` prints each finding as ``place: phrase: what to write``, and exits
with 1 where there is any. proselint (``pip install 'speechalign[dev]'``) looks for what is weak
English anywhere; the rules below are our own.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

ROOT = Path(__file__).resolve().parents[1]


class Rule(NamedTuple):
    """A pattern that the style does not allow, and what to write."""

    pattern: re.Pattern[str]
    advice: str


def _rule(pattern: str, advice: str) -> Rule:
    return Rule(re.compile(pattern, re.MULTILINE), advice)


_THINGS = "(?:model|network|encoder|decoder|aligner|layer|loss|command|file|page|report|manifest)s?"
RULES = [
    _rule(r"\b(?:says?|said|tells?) (?:what|which|how|where|whether|why|so|who)\b",
          "name the thing: 'lists the columns', 'gives the reason'"),
    _rule(rf"\b{_THINGS} (?:hears?|knows?|thinks?|believes?|wants?|listens?|says?|tells?)\b",
          "models predict, files list, commands print"),
    _rule(r"\bhear(?:s)? through\b", "'robust to noise'"),
    _rule(r"(?:^|[.:;] )What (?!is the\b|are the\b)[^?|\n]{0,80}(?:is|are|has|was)\b[^?]*?\.",
          "begin with a noun"),
    _rule(r"\bthat there (?:is|are)\b", "name the things"),
    _rule(r"\bgo(?:es)? on (?:where|when|from|as|with)\b|\bwent on\b", "'resume', 'continue'"),
    _rule(r"\b(?:rudely|owed|for want of|such as it is|makes of|make of it)\b", "plain words"),
    _rule(r"\bhas the like\b", "'similar ones'"),
    _rule(r"\bmade[ -]up (?!of)", "'hallucinated', 'synthetic', 'artificial'"),
    _rule(r"\bwords that (?:the|a) dictionary lacks\b", "'out-of-vocabulary words (OOVs)'"),
    _rule(r"\basks? (?:for|that)\b", "'prefers', 'requires'"),
    _rule(r"\ball of it\b", "name it"),
]  # fmt: skip


def page_texts() -> Iterator[tuple[str, str]]:
    """Yield the prose of each page, with its place; code is left out and lines are kept."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    pages += sorted((ROOT / "docs").rglob("*.md")) + sorted(ROOT.glob("egs/*.md"))
    pages += sorted(ROOT.glob("egs/*/*.md"))
    for page in pages:
        if "generated" in page.parts or "exp" in page.parts:
            continue
        text = re.sub(
            r"^(\s*)```.*?^\1```",
            lambda match: "\n" * match[0].count("\n"),
            page.read_text(encoding="utf-8"),
            flags=re.MULTILINE | re.DOTALL,
        )
        text = re.sub(r"`+[^`\n]+`+", "X", text)
        yield page.relative_to(ROOT).as_posix(), re.sub(r"\]\([^)]*\)", "]", text)


def help_texts() -> Iterator[tuple[str, str]]:
    """Yield the help of each command and option."""
    from speechalign.cli.main import cli

    def walk(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
        yield f"{name} --help", re.sub(r"`[^`]+`", "X", command.help or "")
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                yield f"{name} {parameter.opts[0]}", parameter.help or ""
        if isinstance(command, click.Group):
            context = click.Context(command)
            for below in command.list_commands(context):
                child = command.get_command(context, below)
                if child is not None:
                    yield from walk(child, f"{name} {below}")

    yield from walk(cli, "speechalign")


def docstring_summaries() -> Iterator[tuple[str, str]]:
    """Yield the first sentence of each public docstring of the package."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for path in sorted((ROOT / "speechalign").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, kinds) and not getattr(node, "name", "").startswith("_"):
                text = ast.get_docstring(node)
                if text:
                    line = getattr(node, "lineno", 1)
                    summary = re.sub(r"`+[^`]+`+", "X", text.split("\n\n")[0])
                    yield f"{path.relative_to(ROOT)}:{line}", summary


def findings(place: str, text: str) -> Iterator[str]:
    """Yield a line for each phrase of the text that a rule matches."""
    for rule in RULES:
        for match in rule.pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            where = f"{place}:{line}" if place.endswith(".md") else place
            phrase = " ".join(match[0].split())
            yield f"{where}: {phrase[:70]!r}: {rule.advice}"


def proselint_findings(place: str, text: str) -> Iterator[str]:
    """Yield what proselint finds; its rules of typography are not ours."""
    from proselint.checks import __register__
    from proselint.config import DEFAULT
    from proselint.registry import CheckRegistry
    from proselint.tools import LintFile

    registry = CheckRegistry()
    if not registry.checks:
        registry.register_many(__register__)
    checks = {**DEFAULT["checks"], "typography": False, "lexical_illusions": False}
    for result in LintFile(place, text).lint({**DEFAULT, "checks": checks}):
        yield f"{place}:{result.pos[0]}: {result.check_result.message}"


def main() -> int:
    """Print all findings; return the exit status."""
    found: list[str] = []
    for place, text in page_texts():
        found += [*findings(place, text), *proselint_findings(place, text)]
    for place, text in [*help_texts(), *docstring_summaries()]:
        found += findings(place, text)
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
