"""The console entry: a table of commands, each imported when it is run."""

from __future__ import annotations

import importlib
import io
import os
import sys
from typing import NamedTuple

import click

import speechalign
from speechalign.errors import SpeechAlignError


class _Entry(NamedTuple):
    target: str
    section: str
    help: str


COMMANDS = {
    "align": _Entry(
        "speechalign.cli.align:align", "Align", "Align a corpus of recordings with transcripts."
    ),
    "align-rows": _Entry(
        "speechalign.cli.align_rows:align_rows", "Align", "Align a table or an archive of any size."
    ),
    "align-one": _Entry(
        "speechalign.cli.align_one:align_one", "Align", "Align one recording and print its words."
    ),
    "transcribe": _Entry(
        "speechalign.cli.transcribe:transcribe", "Align", "Write down what is said in recordings."
    ),
    "train-align": _Entry(
        "speechalign.cli.train_align:train_align", "Align", "Train on a corpus, then align it."
    ),
    "validate": _Entry(
        "speechalign.cli.validate:validate", "Prepare", "Check a corpus before it is aligned."
    ),
    "find-oovs": _Entry(
        "speechalign.cli.find_oovs:find_oovs", "Prepare", "List the words that a dictionary lacks."
    ),
    "segment": _Entry(
        "speechalign.cli.segment:segment", "Prepare", "Find the speech in long recordings."
    ),
    "g2p": _Entry(
        "speechalign.cli.g2p:g2p", "Prepare", "Learn and predict pronunciations of words."
    ),
    "train": _Entry("speechalign.cli.train:train", "Models", "Train a model on a corpus."),
    "adapt": _Entry("speechalign.cli.adapt:adapt", "Models", "Adapt a model to a corpus."),
    "model": _Entry(
        "speechalign.cli.model:model", "Models", "List, inspect, download and export models."
    ),
    "view": _Entry(
        "speechalign.cli.view:view",
        "Results",
        "Look at, listen to and correct alignments in the browser.",
    ),
    "status": _Entry(
        "speechalign.cli.status:status", "Results", "Show how far a run, or its shards, are."
    ),
    "merge": _Entry("speechalign.cli.merge:merge", "Results", "Merge the results of shards."),
    "serve": _Entry("speechalign.cli.serve:serve", "Align", "Align what clients send by HTTP."),
    "compare": _Entry(
        "speechalign.cli.compare:compare",
        "Results",
        "Score alignments against reference alignments.",
    ),
    "convert": _Entry(
        "speechalign.cli.convert:convert", "Results", "Convert alignments to another format."
    ),
    "st-align": _Entry(
        "speechalign.cli.st_align:st_align",
        "Speech translation",
        "Link words by the contribution maps of a model.",
    ),
    "score": _Entry(
        "speechalign.cli.score:score",
        "Speech translation",
        "Score word links (AER, SAER, TW-SAER) and transcripts (WER).",
    ),
}
"""Name of a command to ``module:attribute``, and section and line in ``speechalign --help``."""


class _Commands(click.Group):
    """A group that knows the names and the help of its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, entry in COMMANDS.items():
            sections.setdefault(entry.section, []).append((name, entry.help))
        for heading, lines in sections.items():
            with formatter.section(heading):
                formatter.write_dl(lines)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command, and turn what a user can cause into a line and an exit status."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            error.show(sys.stderr)  # click's own way dies of, or garbles, other code pages
            ctx.exit(error.exit_code)
        except SpeechAlignError as error:
            print(f"error: {error}", file=sys.stderr)
            ctx.exit(4)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            ctx.exit(130)
        except BrokenPipeError:
            # The reader has gone (`| head`); what is still buffered must not fail at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except OSError as error:
            if error.filename is None:
                raise
            print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
            ctx.exit(4)


@click.group(
    cls=_Commands,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda token: token.replace("_", "-"),
    },
)
@click.version_option(speechalign.__version__, prog_name="speechalign")
def cli() -> None:
    """Align speech with its transcript: find the times of words and phones.

    A first try: `speechalign align-one hello.wav "hello world" -o hello.TextGrid`. The arguments
    and options of a command: `speechalign COMMAND --help`.

    Exit status: 0 all done, 1 internal error, 2 wrong usage, 3 some failed and the rest was
    written, 4 nothing usable, 5 validation failed, 130 interrupted.
    """


def main() -> None:
    """Run the command line; what the code page of a stream lacks is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    cli(prog_name="speechalign")
