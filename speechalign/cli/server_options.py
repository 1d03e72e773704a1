"""Options of the commands that listen for requests."""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING

import click

from speechalign.cli.options import option

if TYPE_CHECKING:
    from speechalign.server.http import Routes, Server

MakeServer = Callable[["Routes"], "Server"]
"""From routes to a server that listens where the options say."""


def server_options(function: Callable[..., object]) -> Callable[..., object]:
    """Add ``--host``, ``--port``, ``--allow-host`` and ``--token`` to a command.

    Parameters
    ----------
    function : callable
        A command that takes ``make_server`` instead of them.
    """

    @option(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        group="Run",
        help="Address to listen on; others than the default let other machines in",
    )
    @option(
        "--port",
        type=click.IntRange(0, 65535),
        metavar="N",
        group="Run",
        help="Port to listen on (default: one that is free)",
    )
    @option(
        "--allow-host",
        "names",
        multiple=True,
        metavar="NAME",
        group="Run",
        help="Name that clients may call this machine by; may be given several times (default: "
        "localhost, and addresses)",
    )
    @option(
        "--token",
        metavar="TEXT",
        envvar="SPEECHALIGN_TOKEN",
        group="Run",
        help="Token that clients show (default: $SPEECHALIGN_TOKEN, else a new one)",
    )
    @wraps(function)
    def command(
        *, host: str, port: int | None, names: tuple[str, ...], token: str | None, **others: object
    ) -> object:
        def make_server(routes: Routes) -> Server:
            from speechalign.server.http import Server

            return Server(routes, host=host, port=port or 0, token=token, names=names)

        return function(make_server=make_server, **others)

    return command


def run_server(server: Server) -> None:
    """Answer requests until Ctrl-C, or until the process is asked to end."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
        server.server_close()
