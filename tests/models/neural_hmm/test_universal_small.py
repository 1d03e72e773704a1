"""The small model of any language, on real speech with transcripts in IPA, without an encoder."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from speechalign import read_alignment
from speechalign.cli.main import cli
from speechalign.text.phone_sets import ARPABET


@pytest.fixture
def corpus(examples, aligner, tmp_path):
    """Return the example speech with its words in IPA, and a recording with a wrong transcript."""
    made = tmp_path / "corpus"
    for audio in sorted(examples.glob("*/*.flac")):
        found = aligner.align(audio, audio.with_suffix(".lab").read_text("utf-8"))
        words = ["".join(ARPABET[phone.label] for phone in word.phones) for word in found.words]
        copy = made / audio.relative_to(examples)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(audio.read_bytes())
        copy.with_suffix(".lab").write_text(" ".join(words), "utf-8")
    wrong = made / "slt/wrong.flac"
    wrong.write_bytes((made / "slt/tea.flac").read_bytes())
    wrong.with_suffix(".lab").write_text("ʃuːbiduː pɑpɑpɑ ʒɔʀʒ ɲeɲe", "utf-8")
    return made


def test_the_command_finds_words_of_ipa_and_doubts_others(examples, corpus, tmp_path):
    out = tmp_path / "out"
    ran = CliRunner().invoke(cli, ["align", str(corpus), "universal-small", str(out)])
    assert ran.exit_code == 0, ran.output
    rows = map(json.loads, (out / "alignment_manifest.jsonl").read_text("utf-8").splitlines())
    statuses = {row["utterance"]: row["status"] for row in rows}
    assert statuses.pop("slt/wrong") == "doubtful"
    assert list(statuses.values()) == ["aligned"] * 3
    errors = []
    for recording in statuses:
        gold, found = (
            [(word.start, word.end) for word in read_alignment(path).tiers["words"]]
            for path in (
                examples.parent / f"gold/{recording}.TextGrid",
                out / f"{recording}.TextGrid",
            )
        )
        errors.append(np.abs(np.subtract(gold, found)).ravel())
    assert np.mean(np.concatenate(errors)) < 0.02
