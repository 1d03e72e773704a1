"""ONNX: exports say the same, and files of other exporters are read with their vocabulary."""

import json
import shutil

import numpy as np
import pytest
from tiny_models import LETTERS

from speechalign.aligners.aligner import Aligner
from speechalign.audio.sound_file import read_waveform
from speechalign.errors import InputError
from speechalign.models import load_model
from speechalign.models.ctc.onnx_export import export

pytest.importorskip("onnxruntime", reason="needs onnxruntime")
pytest.importorskip("torch", reason="needs torch")

SAMPLES = (0.1 * np.random.default_rng(0).normal(size=(1, 12345))).astype(np.float32)
LENGTHS = np.array([12345])


@pytest.fixture
def exported(tiny, tmp_path):
    return shutil.copytree(tiny("onnx"), tmp_path / "exported")


def test_an_export_says_the_same(tiny, exported):
    original = load_model(tiny("onnx").with_name("exported-wav2vec2"))
    found = load_model(exported)
    assert (found.name, found.language, found.unit) == ("exported-wav2vec2", "en", "characters")
    assert found.grid == original.grid
    assert found.vocabulary.symbols == original.vocabulary.symbols
    ours, theirs = (m.emit(SAMPLES, LENGTHS).log_probs for m in (original, found))
    assert theirs == pytest.approx(ours, abs=1e-4)


@pytest.mark.parametrize("kind", ["vocab.json", "tokens.txt", "vocab.txt"])
def test_any_network_with_a_vocabulary_beside_it(exported, kind):
    whole = load_model(exported)
    (exported / "model.json").unlink()
    text = {
        "vocab.json": json.dumps({symbol: n for n, symbol in enumerate(LETTERS)}),
        "tokens.txt": "".join(f"{symbol} {n}\n" for n, symbol in enumerate(LETTERS)),
        "vocab.txt": "".join(f"{symbol}\n" for symbol in LETTERS),
    }[kind]
    (exported / kind).write_text(text)
    for source in (exported, exported / "model.onnx"):
        found = load_model(source)
        assert found.grid == whole.grid
        assert found.vocabulary.symbols == whole.vocabulary.symbols
        assert found.vocabulary.blank == 0
        assert (found.emit(SAMPLES, LENGTHS).log_probs == whole.emit(SAMPLES, LENGTHS).log_probs
                ).all()  # fmt: skip


def test_normalisation_that_is_left_to_the_caller(exported):
    (exported / "model.json").unlink()
    (exported / "vocab.txt").write_text("".join(f"{symbol}\n" for symbol in LETTERS))
    plain = load_model(exported).emit(SAMPLES, LENGTHS).log_probs
    settings = {"do_normalize": True, "sampling_rate": 16000}
    (exported / "preprocessor_config.json").write_text(json.dumps(settings))
    # The network normalises too, and twice is as good as once.
    assert load_model(exported).emit(SAMPLES, LENGTHS).log_probs == pytest.approx(plain, abs=1e-3)


def no_vocabulary(folder):
    (folder / "model.json").unlink()


def no_blank(folder):
    (folder / "model.json").unlink()
    (folder / "vocab.txt").write_text("a\nb\n")


def another_vocabulary(folder):
    (folder / "model.json").unlink()
    (folder / "vocab.txt").write_text("<pad>\nb\n")


def twice(folder):
    (folder / "model.json").unlink()
    (folder / "vocab.json").write_text('{"<pad>": 0, "b": 0}')


def damaged(folder):
    (folder / "model.onnx").write_bytes(b"nothing")


def description(folder):
    (folder / "model.json").write_text('{"kind": "onnx-ctc", "symbols": ["a"]}')


def no_network(folder):
    (folder / "model.onnx").unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (no_vocabulary, "has no vocabulary beside the network; expected one of vocab.json"),
        (no_blank, "the vocabulary has no blank; expected one of <pad>"),
        (another_vocabulary, "the vocabulary has 2 symbols, the network scores 32; copy"),
        (twice, r"vocab\.json: 'b': expected a column of its own in \[0, 2\), got 0"),
        (damaged, r"model\.onnx: onnxruntime cannot read it: .*; export it again"),
        (description, r"model\.json: damaged: KeyError\('blank'\); export again"),
        (no_network, r"model\.onnx: there is no such file; export or copy the model again"),
    ],
)
def test_faults(exported, spoil, message):
    spoil(exported)
    with pytest.raises(InputError, match=message):
        load_model(exported)


def test_a_model_of_ours_keeps_its_frames_and_its_words(examples, tmp_path):
    original = load_model("english-ctc-small", device="cpu")
    assert export(original, tmp_path / "small") < 1e-4
    found = load_model(tmp_path / "small")
    assert found.describe()["runs in"] == "onnxruntime"
    assert (found.name, found.language, found.licence) == (
        "english-ctc-small", "en", original.licence,
    )  # fmt: skip
    assert found.grid == original.grid
    assert found.vocabulary.symbols == original.vocabulary.symbols
    assert found.vocabulary.blank == original.vocabulary.blank
    assert found.dictionary == original.dictionary
    for samples in (SAMPLES, SAMPLES[:, :8000]):
        ours, theirs = (m.emit(samples, np.array([samples.shape[1]])) for m in (original, found))
        # Ours has a frame for the rest of a recording, however short.
        frames = len(theirs[0])
        assert frames == samples.shape[1] // 320 + (samples.shape[1] % 320 > 160)
        assert theirs[0] == pytest.approx(ours[0][:frames], abs=1e-4)
    waveform = read_waveform(examples / "slt/tea.flac", sample_rate=16000)
    text = "Two cups of tea cost $5.50, and the view is free."
    torch_result, onnx_result = (Aligner(m).align(waveform, text) for m in (original, found))
    for tier in ("words", "phones"):
        ours, theirs = (r.alignment.tiers[tier] for r in (torch_result, onnx_result))
        assert [i.label for i in theirs] == [i.label for i in ours]
        assert [i.start for i in theirs] == pytest.approx([i.start for i in ours], abs=1e-3)


def test_what_cannot_be_exported(tiny, tmp_path):
    for source in (tiny("parakeet"), "english-sphinx"):
        with pytest.raises(InputError, match="only CTC models of characters or phones that hear"):
            export(load_model(source), tmp_path / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="holds files, and no model that may be replaced"):
        export(load_model(tiny("wav2vec2")), tmp_path / "full")


def test_features_from_outside_are_refused(tmp_path):
    onnx = pytest.importorskip("onnx", reason="needs onnx")
    shape = ["batch", "frames", 80]
    heard = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)
    said = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, shape)
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "g", [heard], [said])
    opset = [onnx.helper.make_opsetid("", 17)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=9)
    onnx.save(model, tmp_path / "features.onnx")
    (tmp_path / "vocab.txt").write_text("<pad>\n")
    with pytest.raises(InputError, match=r"expected one input, samples \(batch, samples\) in"):
        load_model(tmp_path / "features.onnx")
