"""Draw the rooms of speechalign and their imports: docs/imports.svg.

The floors are those of tools/check_layers.py, which makes sure that arrows point downwards only. A
box has the opening of its room's docstring. An arrow leads to a room that is imported; it is left
out where a way through other rooms leads there too.
"""

from __future__ import annotations

import argparse
import ast
import textwrap
from collections.abc import Mapping
from html import escape
from pathlib import Path

from check_layers import DEPTHS, FLOORS, ROOT, imports, room_of

FOLDER = Path(__file__).resolve().parent.parent
WIDTH, MARGIN, GAP, FLOOR_GAP, LINE = 1240, 20, 14, 34, 13
BOX = 158
LETTERS = 25  # of a line in a box
COLOURS = ("#3b6fb6", "#b5562b", "#3c8d4f", "#8a4fa3", "#a08000", "#2f8f8f", "#b03060", "#666666")
HIDDEN = {"__main__"}


def main() -> None:
    """Write the drawing."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = FOLDER / "docs" / "imports.svg"
    parser.add_argument("out", type=Path, nargs="?", default=default, help="file (%(default)s)")
    parser.parse_args().out.write_text(drawing(FOLDER / ROOT), encoding="utf-8")


def drawing(folder: Path) -> str:
    """Return the drawing of a package folder, as SVG."""
    arrows = without_detours(arrows_of(folder))
    floors = [sorted(room for room in floor if room not in HIDDEN) for floor in FLOORS]
    floors = in_order([floor for floor in floors if floor], arrows)
    texts = {room: summary(folder, room) for floor in floors for room in floor}
    places: dict[str, tuple[float, float, float]] = {}  # middle, top, height
    y = float(MARGIN)
    alone = 0
    for floor in floors:
        height = 24.0 + LINE * max(len(texts[room]) for room in floor)
        # Rooms that are alone stand left and right in turn, so that arrows pass beside them.
        alone += len(floor) == 1
        aside = (BOX * 0.55 if alone % 2 else -BOX * 0.55) if len(floor) == 1 else 0.0
        left = aside + (WIDTH - len(floor) * BOX - (len(floor) - 1) * GAP) / 2
        for number, room in enumerate(floor):
            places[room] = (left + number * (BOX + GAP) + BOX / 2, y, height)
        y += height + FLOOR_GAP
    body = [
        f'<rect width="{WIDTH}" height="{y:.0f}" fill="white"/>',
        *lines(arrows, places),
        *(box(room, texts[room], places[room]) for floor in floors for room in floor),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y:.0f}" '
        f'font-family="Helvetica, Arial, sans-serif" font-size="11">\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


def arrows_of(folder: Path) -> dict[str, set[str]]:
    """Return the rooms that each room imports, inside functions too."""
    arrows: dict[str, set[str]] = {
        room: set() for room in sorted(DEPTHS, key=lambda room: (DEPTHS[room], room))
    }
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        room = ROOT if parts == ("__init__",) else room_of(".".join(parts))
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        for _, imported, _ in imports(tree, parts):
            top, _, rest = imported.partition(".")
            if top == ROOT and rest != "__version__":
                other = room_of(rest) or ROOT
                if room is not None and DEPTHS[other] > DEPTHS[room]:
                    arrows[room].add(other)
    return arrows


def without_detours(arrows: Mapping[str, set[str]]) -> dict[str, list[str]]:
    """Leave out the arrows that a way through other rooms stands for."""

    def reached(room: str) -> set[str]:
        return {room}.union(*(reached(other) for other in arrows[room]))

    return {
        room: sorted(
            other
            for other in others
            if not any(other in reached(between) for between in others - {other})
        )
        for room, others in arrows.items()
    }


def in_order(floors: list[list[str]], arrows: Mapping[str, list[str]]) -> list[list[str]]:
    """Order the rooms of each floor by the mean place of those that import them."""
    middles: dict[str, float] = {}
    ordered = []
    for floor in floors:
        above = {
            room: [middles[other] for other, down in arrows.items()
                   if room in down and other in middles]
            for room in floor
        }  # fmt: skip
        rooms = sorted(floor, key=lambda room: sum(above[room]) / (len(above[room]) or 1))
        middles |= {room: n - (len(rooms) - 1) / 2 for n, room in enumerate(rooms)}
        ordered.append(rooms)
    return ordered


def summary(folder: Path, room: str) -> list[str]:
    """Return the opening of a room's docstring, in short lines."""
    path = folder.joinpath(*([] if room == ROOT else room.split(".")))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    told = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    head, _, tail = told.split("\n")[0].rstrip(".").partition(": ")
    if head.lower().replace(" ", "_") == room.rpartition(".")[2]:
        head = tail
    if head[1:2].islower():  # but not eSpeak
        head = head[0].upper() + head[1:]
    return textwrap.wrap(head.replace("``", ""), LETTERS)


def lines(
    arrows: Mapping[str, list[str]], places: Mapping[str, tuple[float, float, float]]
) -> list[str]:
    """Return a curve for each arrow, in a colour of the room that it leaves."""
    found = []
    for number, (room, others) in enumerate(arrows.items()):
        colour = COLOURS[number % len(COLOURS)]
        for rank, other in enumerate(sorted(others, key=lambda name: places[name][0])):
            if room in places and other in places:
                x, top, height = places[room]
                start = x + (rank - (len(others) - 1) / 2) * min(16, 120 / len(others))
                end, below, _ = places[other]
                y, bend = top + height, min(60, (below - top - height) / 2)
                found.append(
                    f'<path d="M{start:.0f} {y:.0f} C{start:.0f} {y + bend:.0f} {end:.0f} '
                    f'{below - bend:.0f} {end:.0f} {below - 5:.0f}" fill="none" '
                    f'stroke="{colour}" stroke-width="1.2"/>'
                    f'<path d="M{end - 4:.0f} {below - 7:.0f} l4 7 l4 -7 z" fill="{colour}"/>'
                )
    return found


def box(room: str, text: list[str], place: tuple[float, float, float]) -> str:
    """Return the box of a room with its name and what it holds."""
    x, y, height = place
    spans = "".join(
        f'<tspan x="{x:.0f}" dy="{LINE}">{escape(line, quote=False)}</tspan>' for line in text
    )
    return (
        f'<rect x="{x - BOX / 2:.0f}" y="{y:.0f}" width="{BOX}" height="{height:.0f}" rx="6" '
        f'fill="#f4f6f9" stroke="#445"/>'
        f'<text x="{x:.0f}" y="{y + 16:.0f}" text-anchor="middle"><tspan font-weight="bold" '
        f'font-size="12">{room}</tspan>{spans}</text>'
    )


if __name__ == "__main__":
    main()
