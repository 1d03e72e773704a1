"""``speechalign align`` with the German model, on speech whose times are exact."""

import pytest
import soundfile
from click.testing import CliRunner

from speechalign.cli.main import cli
from speechalign.espeak import speak
from speechalign.formats import read_alignment

TEXT = "Am 3. Mai kauft der Straßenkünstler 25 schöne Äpfel."


def test_words_of_german_speech(tmp_path):
    pytest.importorskip("espeakng_loader", reason="needs espeakng-loader")
    speech = speak(TEXT, voice="de+m3", rate=150)
    soundfile.write(tmp_path / "x.wav", speech.samples, speech.sample_rate)
    (tmp_path / "x.lab").write_text(TEXT, encoding="utf-8")
    out = tmp_path / "out"
    arguments = ["align", str(tmp_path), "german-gmm", str(out)]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    tiers = read_alignment(out / "x.TextGrid").tiers
    words = [word for word in tiers["words"] if word.label]
    gold = speech.alignment.tiers["words"]
    assert [word.label for word in words] == [word.label for word in gold] == TEXT.split()
    errors = [abs(a.start - b.start) + abs(a.end - b.end) for a, b in zip(words, gold)]
    assert sum(errors) / (2 * len(errors)) < 0.06
    assert {"ʃ", "ɐ", "ɛ"} <= {phone.label for phone in tiers["phones"]}
