"""The small model of any language, on real speech with transcripts in IPA, without an encoder."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from speechalign import read_alignment
from speechalign.cli.main import cli
from speechalign.text.phone_sets import ARPABET

OTHERS = {
    "other_words": "ʃuːbiduː pɑpɑpɑ ʒɔʀʒ ɲeɲe",
    "spelling": "two cups of tea and the view is free",
    "cyrillic": "tuː kʌps əv tі",
    "digits": "tuː55 kʌps",
    "marks": "tuː ˥˩ kʌps",
    "empty": "",
    "too_long": "tuːkʌps" * 60,
}


@pytest.fixture
def corpus(examples, aligner, tmp_path):
    """Return the example speech with its words in IPA, and recordings with other transcripts."""
    made = tmp_path / "corpus"
    for audio in sorted(examples.glob("*/*.flac")):
        found = aligner.align(audio, audio.with_suffix(".lab").read_text("utf-8"))
        words = ["".join(ARPABET[phone.label] for phone in word.phones) for word in found.words]
        copy = made / audio.relative_to(examples)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(audio.read_bytes())
        copy.with_suffix(".lab").write_text(" ".join(words), "utf-8")
    for name, text in OTHERS.items():
        wrong = made / f"slt/{name}.flac"
        wrong.write_bytes((made / "slt/tea.flac").read_bytes())
        wrong.with_suffix(".lab").write_text(text, "utf-8")
    return made


def test_words_of_ipa_are_found_and_others_doubted_or_refused_one_by_one(
    examples, corpus, tmp_path
):
    out = tmp_path / "out"
    ran = CliRunner().invoke(cli, ["align", str(corpus), "universal-small", str(out)])
    assert ran.exit_code == 3, ran.output
    rows = [*map(json.loads, (out / "alignment_manifest.jsonl").read_text("utf-8").splitlines())]
    statuses = {row["utterance"]: row["status"] for row in rows}
    reasons = {row["utterance"]: row["reason"] for row in rows}
    for name in ("other_words", "spelling"):
        assert statuses.pop(f"slt/{name}") == "doubtful"
    for name, reason in (
        ("cyrillic", "'tі': 'і' (CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I) is not a symbol"),
        ("digits", "'tuː55': '5' (DIGIT FIVE) is not a symbol of the IPA; use a tone letter"),
        ("marks", "word '˥˩': expected a letter of the IPA, found none; join marks to the word"),
        ("empty", "the transcript is empty; write what was said"),
        ("too_long", "the transcript is longer than the audio can hold: its 360 phones need"),
    ):
        assert statuses.pop(f"slt/{name}") == "failed"
        assert reason in reasons[f"slt/{name}"]
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
