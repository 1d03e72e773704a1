"""Write RESULTS.md from the outputs of the stages.

    python local/07_report.py EXP OUT --command "..."

EXP/scores/SYSTEM.METRIC.json are from `speechalign score --json`, EXP/seconds.txt has a line for
each stage that was run, EXP/boundaries.txt the output of 06_relabel.py.
"""

from __future__ import annotations

import json
import platform
import subprocess
from pathlib import Path

import click

SYSTEMS = {
    "chance": "chance: any word",
    "diagonal": "diagonal, by words",
    "diagonal_time": "diagonal, by time",
    "attention": "cross-attention",
    "norms": "cross-attention × norm of the value",
    "attention_aligner": "cross-attention, word times from `speechalign align`",
    "norms_aligner": "cross-attention × norm, word times from `speechalign align`",
}
METRICS = {"saer": "SAER %", "tw-saer": "TW-SAER %"}


def cell(figures: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return a figure with its interval."""
    found = figures["intervals"]["error_rate"]
    return "{value:.2f} ({low:.2f} to {high:.2f})".format(**{k: 100 * v for k, v in found.items()})


def table(scores: Path) -> list[str]:
    """Return the table of systems, and the signatures."""
    lines = ["| system | " + " | ".join(METRICS.values()) + " |", "|---|---|---|"]
    signatures = {}
    for system, label in SYSTEMS.items():
        files = {metric: scores / f"{system}.{metric}.json" for metric in METRICS}
        if not all(file.exists() for file in files.values()):
            continue
        found = {m: json.loads(file.read_text(encoding="utf-8")) for m, file in files.items()}
        lines.append(f"| {label} | " + " | ".join(cell(found[m]) for m in METRICS) + " |")
        signatures.update({m: found[m]["signature"] for m in METRICS})
    return [*lines, "", *(f"`{signature}`  " for signature in signatures.values())]


def hardware() -> str:
    """Return the name of the processor."""
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc").exists() else []:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


@click.command(help=__doc__)
@click.argument("exp", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--command", required=True)
def main(exp: Path, out: Path, command: str) -> None:
    """Write the report."""
    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    log = [json.loads(line) for line in (exp / "model" / "log.jsonl").read_text().splitlines()]
    log = [line for line in log if line["split"] == "epoch"]
    seconds = [line.split("\t") for line in (exp / "seconds.txt").read_text().splitlines()]
    boundaries = exp / "boundaries.txt"
    lines = [
        "# Results",
        "",
        f"Commit {commit or 'unknown'}, `{command}`, {hardware()}. 95 % intervals: 1000 resamples.",
        "",
        *table(exp / "scores"),
        "",
        f"Training: {len(log)} epochs, {sum(e['cpu seconds'] for e in log):.0f} s of CPU time; "
        f"at the end {100 * log[-1]['token accuracy']:.1f} % of the next tokens are right, "
        f"and CTC is at {log[-1]['phone loss']:.3f} nats for each phone.",
        *([f"Our aligner against the synthesiser's times: {boundaries.read_text().strip()}."]
          if boundaries.exists() else []),
        "",
        "| stage | seconds |",
        "|---|---|",
        *(f"| {stage} | {took} |" for stage, took in seconds),
    ]  # fmt: skip
    temporary = out.with_name(f"{out.name}.tmp")
    temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    temporary.replace(out)
    click.echo(out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
