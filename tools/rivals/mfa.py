# /// script
# [tool.conda]
# packages = ["montreal-forced-aligner=3.3.1"]
# ///
"""The Montreal Forced Aligner, with its own models, which it downloads. Needs conda."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

_MODELS = {"en": "english_us_arpa", "de": "german_mfa"}


def main() -> None:
    """Download the model and the dictionary, align."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--language", required=True, choices=_MODELS)
    parser.add_argument("--dictionary")
    options = parser.parse_args()
    model = _MODELS[options.language]
    mfa("model", "download", "acoustic", model)
    mfa("model", "download", "dictionary", model)
    with tempfile.TemporaryDirectory() as folder:
        mfa("align", "--clean", "--single_speaker", "-j", "1", "--temporary_directory", folder,
            options.corpus, model, model, options.out)  # fmt: skip


def mfa(*arguments: object) -> None:
    """Run MFA; end with its message where it fails."""
    programs = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    command = [programs / "mfa", *arguments]
    done = subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"mfa {arguments[0]}: {done.stderr.strip()[-500:]}")


if __name__ == "__main__":
    main()
