"""Transcribers of all kinds of models: against the network itself, and what they refuse."""

import numpy as np
import pytest

from speechalign.emissions import Emissions
from speechalign.errors import InputError
from speechalign.frames import FrameGrid
from speechalign.models import load_model
from speechalign.transcription import cut_loops, load_transcriber
from speechalign.vocabulary import Vocabulary

RATE = 16000
SYMBOLS = ["<pad>", "|", "A", "B", "C", "T", "<unk>"]


def noise(seconds, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.normal(size=round(seconds * RATE))).astype(np.float32)


class Letters:
    """A CTC model whose frames are told: the first sample is the number of a row of labels."""

    aligner, name, language, unit, normalised = "ctc", "letters", "en", "characters", True
    licence, content_hash, sample_rate = "none", "0", RATE
    vocabulary = Vocabulary(SYMBOLS, blank="<pad>")
    grid = FrameGrid(RATE, 320)

    def __init__(self, rows):
        self.rows = rows

    def emit(self, waveforms, lengths):  # noqa: ARG002
        rows = [self.rows[int(samples[0])] for samples in waveforms]
        scores = np.full((len(rows), max(map(len, rows)), len(SYMBOLS)), 0.02)
        for one, row in zip(scores, rows):
            for t, likely in enumerate(row):
                for symbol, probability in likely.items():
                    one[t, SYMBOLS.index(symbol)] = probability
        scores /= scores.sum(axis=-1, keepdims=True)
        frames = np.array([len(row) for row in rows])
        return Emissions(np.log(scores).astype(np.float32), frames, self.grid, self.vocabulary)


def sure(text):
    return [{symbol: 0.9} for symbol in text.split()]


def test_ctc_labels_become_words():
    model = Letters([sure("C C <pad> A T T | | A <pad> A <unk> B"), sure("| T A")])
    found = load_transcriber(model).transcribe(
        [np.full(RATE, k, np.float32) for k in (0, 1)], ["x", "y"]
    )
    assert [one.text for one in found] == ["cat aab", "ta"]
    assert found[0].language == "en"


def test_ngrams_decide_where_the_sound_does_not(tmp_path):
    unclear = [{"C": 0.45, "B": 0.5}, *sure("A T"), {"|": 0.9}, *sure("A"), {"B": 0.5, "C": 0.4}]
    model = Letters([unclear])
    samples = [np.zeros(RATE, np.float32)]
    assert load_transcriber(model).transcribe(samples, ["x"])[0].text == "bat ab"
    assert load_transcriber(model, beams=4).transcribe(samples, ["x"])[0].text == "bat ab"
    text = tmp_path / "text.txt"
    text.write_text("cat ac\ncat\na cat ac\n" * 5)
    spoken = load_transcriber(model, beams=4, ngrams=text).transcribe(samples, ["x"])
    assert spoken[0].text == "cat ac"
    with pytest.raises(InputError, match=r"no\.txt: there is no such file; expected a text"):
        load_transcriber(model, beams=4, ngrams=tmp_path / "no.txt")
    text.write_text("123\n")
    with pytest.raises(InputError, match="has no line that letters can spell"):
        load_transcriber(model, beams=4, ngrams=text)
    with pytest.raises(InputError, match="needs a beam"):
        load_transcriber(model, ngrams=text)
    with pytest.raises(InputError, match="takes no prompt and does not translate"):
        load_transcriber(model, prompt="a cat")


def test_models_that_cannot_transcribe(aligner):
    with pytest.raises(InputError, match="english-sphinx: aligns, but cannot transcribe"):
        load_transcriber(aligner.model)
    phones = Letters([])
    phones.unit = "phones"
    with pytest.raises(InputError, match="writes phones, no words"):
        load_transcriber(phones)


@pytest.fixture(scope="module")
def whisper(tiny):
    return load_model(tiny("whisper"))


def test_whisper_writes_what_transformers_generates(whisper):
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()
    stretches = [noise(1.0), noise(2.5, seed=1)]
    found = load_transcriber(whisper, language="de").transcribe(stretches, ["x", "y"])
    features = whisper._extractor(stretches, sampling_rate=RATE, return_tensors="pt")
    with torch.inference_mode():
        tokens = whisper._network.generate(
            features["input_features"], language="<|de|>", task="transcribe"
        )
    for one, row in zip(found, tokens.tolist()):
        written = whisper._tokenizer.decode(row, skip_special_tokens=True)
        assert (one.text, one.repeated) == cut_loops(" ".join(written.split()))
        assert one.language == "de"


def test_a_recording_has_one_language(whisper, monkeypatch):
    import torch

    from speechalign.models import whisper_attention

    codes = list(whisper.languages)
    assert sorted(codes) == ["de", "en"]
    scores = {"de": [-0.1, -5.0, -1.0], "en": [-2.0, -0.1, -0.5]}
    rows = torch.tensor([scores[code] for code in codes]).T
    monkeypatch.setattr(whisper_attention, "detect_languages", lambda *_: rows)
    transcriber = load_transcriber(whisper)
    stretches = [noise(1.0)] * 3
    found = transcriber.transcribe(stretches, ["x", "x", "y"])
    assert [one.language for one in found] == ["en", "en", "en"]  # -2.1 beats -5.1
    monkeypatch.setattr(whisper_attention, "detect_languages", lambda *_: rows.flip(1))
    again = transcriber.transcribe(stretches[:2], ["x", "z"])
    assert [one.language for one in again] == ["en", "de"]  # x is known, z is heard anew


def test_prompts_and_beams(whisper):
    plain = load_transcriber(whisper, language="en").transcribe([noise(1.0)], ["x"])
    for options in ({"beams": 3}, {"prompt": "the tea"}, {"translate": True}):
        transcriber = load_transcriber(whisper, language="en", **options)
        found = transcriber.transcribe([noise(1.0)], ["x"])
        assert isinstance(found[0].text, str)
        assert transcriber.settings() != load_transcriber(whisper, language="en").settings()
    assert plain[0].language == "en"
    with pytest.raises(InputError, match=r"prompt: expected at most 31 tokens"):
        load_transcriber(whisper, prompt="tea " * 40)


def test_what_whisper_refuses(whisper, tmp_path):
    with pytest.raises(InputError, match=r"does not know the language 'fr'; expected one of"):
        load_transcriber(whisper, language="fra")
    with pytest.raises(InputError, match="leave out --ngrams"):
        load_transcriber(whisper, ngrams=tmp_path / "text.txt")
