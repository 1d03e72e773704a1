"""``speechalign validate``: is this corpus fit to be aligned?"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speechalign.cli.corpus_options import ReadCorpus, corpus_options
from speechalign.cli.options import command, message_options, option, shard_option
from speechalign.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from speechalign.corpus.validation import Finding, Validation
    from speechalign.pipeline.shards import Shard

_SHOWN = 20  # findings of a kind; all are in the JSON file


@command()
@click.argument("corpus", type=click.Path(exists=True, path_type=Path))
@corpus_options
@option(
    "--dictionary",
    "dictionaries",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    group="Dictionary",
    help="Dictionary to check, and to look for the words of the corpus in: laid over that of "
    "english-sphinx, or alone with --language (default: none).",
)
@option(
    "--language",
    metavar="CODE",
    group="Dictionary",
    help="Language of the transcripts, for a dictionary to train with (default: that of "
    "english-sphinx).",
)
@option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    group="Output",
    help="File to write the counts and every finding to (default: none)",
)
@shard_option
@message_options
@click.pass_context
def validate(
    context: click.Context,
    corpus: Path,
    read_corpus: ReadCorpus,
    dictionaries: tuple[Path, ...],
    language: str | None,
    json_file: Path | None,
    shard: Shard | None,
) -> None:
    """Check every transcript and every sample of CORPUS, a folder or a manifest.

    With --dictionary, also check every line of a pronunciation dictionary, and list the words of
    the corpus that it lacks.

    Exit status: 0 no error (there may be warnings), 4 no utterance, 5 some utterances cannot be
    aligned, or some lines of the dictionary cannot be read.
    """
    from rich.console import Console

    from speechalign.cli.progress import ProgressBar
    from speechalign.corpus.validation import validate as validate_corpus

    utterances = read_corpus(corpus)
    if shard is not None:
        utterances = shard.utterances(utterances)
    about_words: tuple[Finding, ...] = ()
    if dictionaries:
        from speechalign.aligners.aligner import DEFAULT_MODEL
        from speechalign.models import load_model
        from speechalign.pronunciation.oovs import check_dictionaries

        model = load_model(DEFAULT_MODEL) if language is None else None
        about_words = check_dictionaries(
            utterances, dictionaries, language=language or "en", model=model
        )
    sounds = {utterance.audio for utterance in utterances if utterance.problem is None}
    with ProgressBar("checking", len(sounds)) as bar:
        validation = validate_corpus(utterances, advance=lambda _: bar.advance())
    findings = sorted((*validation.findings, *about_words), key=lambda f: f.severity)
    validation = replace(validation, findings=tuple(findings))
    _show(validation, Console())
    if json_file is not None:
        _write_json(validation, json_file)
    context.exit(5 if validation.errors else 0)


def _show(validation: Validation, console: Console) -> None:
    """Print the counts as a table, then the findings, one a line."""
    from rich.table import Table

    rates = ", ".join(f"{rate} Hz: {n}" for rate, n in validation.sample_rates.items())
    warnings = len(validation.findings) - validation.errors
    table = Table(show_header=False)
    table.add_row("sound files", str(validation.recordings))
    table.add_row("utterances", str(validation.utterances))
    table.add_row("speakers", str(validation.speakers))
    table.add_row("hours", f"{(validation.seconds or 0.0) / 3600:.3f}")
    table.add_row("sample rates", rates)
    table.add_row("errors", str(validation.errors))
    table.add_row("warnings", str(warnings))
    console.print(table)
    kinds: dict[str, list[Finding]] = defaultdict(list)
    for finding in validation.findings:
        kinds[f"{finding.severity} ({finding.kind})"].append(finding)
    lines = []
    for kind, findings in kinds.items():
        lines += [f"{kind}: {f.utterance}: {f.message}" for f in findings[:_SHOWN]]
        if len(findings) > _SHOWN:
            lines.append(f"{kind}: {len(findings) - _SHOWN} more; --json FILE writes all of them")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _write_json(validation: Validation, path: Path) -> None:
    """Write the counts and all findings, or leave the file as it was."""
    from speechalign.files.writing import write_text

    try:
        write_text(path, json.dumps(asdict(validation), ensure_ascii=False, indent=1) + "\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}; name another") from None
