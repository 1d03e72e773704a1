"""speechalign serve: alignment by HTTP, with models that stay loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from speechalign.cli.messages import log
from speechalign.cli.model_options import aligner_options
from speechalign.cli.options import command, jobs_option, message_options, option
from speechalign.cli.server_options import MakeServer, run_server, server_options

if TYPE_CHECKING:
    from speechalign.aligners.aligner import Aligner


@command()
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@aligner_options
@server_options
@jobs_option
@option(
    "--waiting",
    type=click.IntRange(min=0),
    default=100,
    metavar="N",
    group="Run",
    help="Number of requests that may wait for their turn; others are answered 429",
)
@option(
    "--patience",
    type=click.FloatRange(min=0),
    default=120.0,
    metavar="SECONDS",
    group="Run",
    help="Longest wait of a request for its turn, before it is answered 503",
)
@option(
    "--largest-upload",
    type=click.IntRange(min=1),
    default=100,
    metavar="MIB",
    group="Run",
    help="Largest request, MiB; others are answered 413",
)
@option(
    "--longest",
    type=click.FloatRange(min=0, min_open=True),
    default=3600.0,
    metavar="SECONDS",
    group="Run",
    help="Longest recording; others are answered 413",
)
@message_options
def serve(
    models: tuple[str, ...],
    load_aligner: Callable[..., Aligner],
    make_server: MakeServer,
    jobs: int | None,
    waiting: int,
    patience: float,
    largest_upload: int,
    longest: float,
) -> None:
    """Align what clients send, with each MODEL loaded once (default: english-sphinx).

    POST /v1/audio/alignments takes a form of file, text, model, language and response_format (json,
    textgrid, srt or vtt); /v1/models lists the models, /openapi.json describes all. Clients show
    the token that is printed, as Authorization: Bearer TOKEN. Needs speechalign[serve].
    """
    from speechalign.aligners.aligner import DEFAULT_MODEL
    from speechalign.checks import check_jobs
    from speechalign.server.align_api import AlignmentService, Limits

    limits = Limits(
        upload=largest_upload << 20,
        seconds=longest,
        at_once=check_jobs(jobs),
        waiting=waiting,
        patience=patience,
    )
    service = AlignmentService(models or (DEFAULT_MODEL,), load_aligner, limits)
    server = make_server(service.routes())
    print(server.address)
    print(f"token: {server.token}", flush=True)
    log.info("Ctrl-C ends it")
    run_server(server)
