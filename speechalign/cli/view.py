"""speechalign view: a page to look at, listen to and correct what was aligned."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speechalign.cli.messages import log
from speechalign.cli.model_options import aligner_options
from speechalign.cli.options import command, message_options, option
from speechalign.cli.server_options import MakeServer, run_server, server_options

if TYPE_CHECKING:
    from speechalign.aligners.aligner import Aligner


@command()
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("corpus", required=False, type=click.Path(path_type=Path))
@option(
    "--model",
    metavar="NAME",
    group="Model",
    help="Acoustic model to align an utterance again with (default: that of the run, by its name)",
)
@aligner_options
@option(
    "--html",
    "report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    group="Output",
    help="Report to write instead, one file to send: figures, and the worst 50 utterances with "
    "sound (default: none)",
)
@server_options
@option("--no-browser", is_flag=True, group="Run", help="Print the address, open no browser")
@message_options
def view(
    out: Path,
    corpus: Path | None,
    model: str | None,
    load_aligner: Callable[[str | None], Aligner],
    report: Path | None,
    make_server: MakeServer,
    no_browser: bool,
) -> None:
    """Show what was aligned into OUT in the browser, to look at, listen to and correct.

    CORPUS is the folder of the sound files, where they have moved since. Corrections are saved at
    once to the TextGrids in OUT, beside a copy of each as it was (.TextGrid.orig), and no later run
    replaces them. Ctrl-C ends it.

    The page is for whoever has the address, which is printed with a token, and for nobody else.
    """
    from speechalign.server.view_api import view_routes
    from speechalign.server.workspace import Workspace

    workspace = Workspace(out, corpus, lambda name: load_aligner(model or name))
    if report is not None:
        from speechalign.files.writing import write_text
        from speechalign.server.report import report_page

        write_text(report, report_page(workspace))
        log.info("report: %s", report)
        return
    server = make_server(view_routes(workspace))
    address = f"{server.address}?token={server.token}"
    print(address, flush=True)
    log.info("Ctrl-C ends it")
    if not no_browser:
        webbrowser.open(address)
    try:
        run_server(server)
    finally:
        workspace.close()
