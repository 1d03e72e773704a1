"""A page of word links for a corpus: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from speechalign.links import Links

_STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; }
section { margin: 2.5em 0; overflow-x: auto; }
h2 { font-size: 1em; position: sticky; left: 0; }
table { border-collapse: collapse; }
th { font-weight: normal; padding: .1em .5em; white-space: nowrap; }
thead th { vertical-align: bottom; } thead span { writing-mode: vertical-rl; rotate: 180deg; }
tbody th { text-align: right; }
td { background: rgb(33 113 181 / calc(var(--s) * 1%)); border: 1px solid #ddd; height: 1.7em;
  min-width: 1.9em; text-align: center; }
.key td { width: 1.9em; } .key th { text-align: left; }
nav { margin: 1em 0; } nav a { margin-right: .7em; }
@media (prefers-color-scheme: dark) {
  body { background: #16181b; color: #ddd; } td { border-color: #444; } a { color: #8bf; }
}
"""


@dataclass(frozen=True)
class LinkTable:
    """Table of a sentence on the page.

    Parameters
    ----------
    name : str
        Of the sentence.
    source, target : Sequence[str]
        Words, or groups of them, of either side.
    values : ndarray, shape (target, source), float64
        Contributions; each row is drawn as shares of its sum.
    links : Links
        Between these words or groups.
    """

    name: str
    source: Sequence[str]
    target: Sequence[str]
    values: np.ndarray
    links: Links


def link_page(tables: Iterable[LinkTable], *, title: str) -> str:
    """Return a self-contained HTML page with a table for each sentence.

    Parameters
    ----------
    tables : Iterable[LinkTable]
        One for each sentence, in order.
    title : str
        What is shown.

    Returns
    -------
    str
        HTML with neither scripts nor references to other files.

    Examples
    --------
    >>> table = LinkTable("1", ["ja"], ["yes"], np.ones((1, 1)), Links([(0, 0)]))
    >>> "●" in link_page([table], title="x")
    True
    """
    names, sections = [], []
    for number, table in enumerate(tables, start=1):
        names.append(f'<a href="#s{number}">{escape(table.name)}</a>')
        sections.append(_section(table, number))
    key = (
        '<table class="key"><tr><td style="--s:80"></td><th>share of what contributes to the target'
        " word in this row</th></tr><tr><td>●</td><th>link</th></tr></table>"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>{key}\n<nav>{' '.join(names)}</nav>\n"
        f"{''.join(sections)}</body></html>\n"
    )


def _section(table: LinkTable, number: int) -> str:
    """Return the heading and the table of one sentence."""
    heads = "".join(f'<th scope="col"><span>{escape(word)}</span></th>' for word in table.source)
    totals = table.values.sum(axis=1, keepdims=True)
    shares = np.divide(table.values, totals, out=np.zeros_like(table.values), where=totals > 0)
    rows = []
    for j, (word, row) in enumerate(zip(table.target, shares)):
        cells = "".join(
            f'<td style="--s:{100 * share:.0f}" title="{100 * share:.1f} %">'
            f"{'●' if (i, j) in table.links.possible else ''}</td>"
            for i, share in enumerate(row)
        )
        rows.append(f'<tr><th scope="row">{escape(word)}</th>{cells}</tr>')
    return (
        f'<section id="s{number}"><h2>{escape(table.name)}</h2><table><thead><tr><th></th>{heads}'
        f"</tr></thead><tbody>{''.join(rows)}</tbody></table></section>\n"
    )
