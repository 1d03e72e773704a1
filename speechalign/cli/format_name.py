"""The check of options that name a file format."""

from __future__ import annotations

import click


def known_format(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return a name in ``speechalign.formats.FORMATS``; usage error for any other.

    The registry is imported only where a name is given, and ``_`` will do for ``-``.
    """
    if value is None:
        return None
    from speechalign.formats import FORMATS

    name = value.replace("_", "-")
    if name not in FORMATS:
        raise click.BadParameter(f"no format {value!r}; there is: {', '.join(FORMATS)}", ctx, param)
    return name
