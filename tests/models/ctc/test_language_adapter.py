"""Models with an adapter of each language, as MMS has them, on a small one of the real class."""

import json
import shutil

import numpy as np
import pytest

from speechalign.aligners.aligner import Aligner
from speechalign.audio.sound_file import read_waveform
from speechalign.errors import BackendError, InputError
from speechalign.models import SOURCES, hub, load_model

torch = pytest.importorskip("torch", reason="needs torch")
transformers = pytest.importorskip("transformers", reason="needs transformers")

SAMPLES = (0.1 * np.random.default_rng(0).normal(size=(1, 16000))).astype(np.float32)


@pytest.fixture
def folder(tiny, tmp_path):
    """Return a copy of the small model's folder, to be spoilt."""
    return shutil.copytree(tiny("mms"), tmp_path / "mms")


@pytest.mark.parametrize(("language", "code"), [("deu", "de"), ("rus", "ru"), ("eng", "en")])
def test_scores_are_those_of_transformers(folder, language, code):
    model = load_model(f"{folder}:{language}")
    assert (model.name, model.language, model.licence) == (f"mms:{language}", code, "cc-by-nc-4.0")
    columns = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))[language]
    assert list(model.vocabulary.symbols) == list(columns)
    theirs = transformers.Wav2Vec2ForCTC.from_pretrained(
        folder, target_lang=language, ignore_mismatched_sizes=True
    ).eval()
    heard = torch.nn.functional.layer_norm(torch.from_numpy(SAMPLES), (16000,), eps=1e-7)
    with torch.inference_mode():
        expected = theirs(heard).logits.log_softmax(-1).numpy()
    assert model.emit(SAMPLES, np.array([16000])).log_probs == pytest.approx(expected, abs=1e-4)


def test_without_a_language_it_is_the_one_of_the_tokenizer(folder):
    plain, english = load_model(folder), load_model(f"{folder}:eng")
    assert (plain.name, plain.language) == ("mms", "en")
    ours, theirs = (m.emit(SAMPLES, np.array([16000])).log_probs for m in (plain, english))
    assert (ours == theirs).all()


def test_text_is_read_in_its_language_and_script(folder, examples):
    waveform = read_waveform(examples / "slt/tea.flac", sample_rate=16000)
    german = Aligner(load_model(f"{folder}:deu")).align(waveform, "Für 3 €")
    assert [w.spoken for w in german.words] == [("für",), ("drei", "euro")]
    assert [t.interval.label for t in german.words[0].tokens] == ["f", "ü", "r"]
    russian = Aligner(load_model(f"{folder}:rus")).align(waveform, "Две чашки")
    assert [w.source for w in russian.words] == ["letters", "letters"]
    assert "".join(t.interval.label for t in russian.words[1].tokens) == "чашки"


def test_languages_that_are_not_there(folder):
    with pytest.raises(InputError, match=r"has no language 'fra'; expected one of deu, eng, rus"):
        load_model(f"{folder}:fra")
    with pytest.raises(InputError, match="has no language 'de'; did you mean deu"):
        load_model(f"{folder}:de")
    (folder / "adapter.rus.safetensors").unlink()
    with pytest.raises(InputError, match=r"adapter\.rus\.safetensors: there is no such file; copy"):
        load_model(f"{folder}:rus")
    columns = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    many = {f"x{n:02}": columns["deu"] for n in range(30)} | columns
    (folder / "vocab.json").write_text(json.dumps(many), encoding="utf-8")
    with pytest.raises(InputError, match=r"did you mean .*x05.* and 13 more in vocab\.json"):
        load_model(f"{folder}:x5")


def test_a_model_of_one_language_has_no_adapters(tiny):
    with pytest.raises(InputError, match="is of one language and has no adapters; leave out :deu"):
        load_model(f"{tiny('hubert')}:deu")


def test_an_adapter_that_does_not_fit(folder):
    from safetensors.torch import load_file, save_file

    path = folder / "adapter.deu.safetensors"
    whole = load_file(path)
    for spoilt in (
        {"lm_head.weight": whole["lm_head.weight"]},
        {key: value for key, value in whole.items() if not key.startswith("lm_head")},
        {**whole, "other": torch.zeros(2)},
        {key: value[..., :3].contiguous() for key, value in whole.items()},
    ):
        save_file(spoilt, path)
        with pytest.raises(InputError, match="the adapter does not fit the model"):
            load_model(f"{folder}:deu")
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"adapter\.deu\.safetensors: damaged"):
        load_model(f"{folder}:deu")


def test_a_pickled_adapter_is_refused_unless_asked_for(folder):
    from safetensors.torch import load_file

    path = folder / "adapter.deu.safetensors"
    torch.save(load_file(path), path.with_suffix(".bin"))
    before = load_model(f"{folder}:deu").emit(SAMPLES, np.array([16000])).log_probs
    path.unlink()
    with pytest.raises(InputError, match=r"adapter\.deu\.bin: is a Python pickle"):
        load_model(f"{folder}:deu")
    model = load_model(f"{folder}:deu", allow_pickle=True)
    assert (model.emit(SAMPLES, np.array([16000])).log_probs == before).all()


def test_on_the_hub_only_the_adapter_that_is_wanted_is_fetched(tiny, tmp_path, monkeypatch):
    import huggingface_hub
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    commit = "0123456789abcdef0123456789abcdef01234567"
    snapshot = tmp_path / "models--org--mms" / "snapshots" / commit
    asked = []

    def download(_, *, revision, allow_patterns, ignore_patterns=None,
                 local_files_only=False):  # fmt: skip
        asked.append((revision, allow_patterns, ignore_patterns, local_files_only))
        snapshot.mkdir(parents=True, exist_ok=True)
        for name in huggingface_hub.utils.filter_repo_objects(
            [path.name for path in tiny("mms").iterdir()],
            allow_patterns=allow_patterns, ignore_patterns=ignore_patterns,
        ):  # fmt: skip
            shutil.copy(tiny("mms") / name, snapshot)
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert load_model("org/mms@main:deu").name == f"org/mms@{commit}:deu"
    adapters = sorted(path.name for path in snapshot.glob("adapter.*"))
    assert adapters == ["adapter.deu.safetensors"]
    assert [revision for revision, *_ in asked] == ["main", commit]
    asked.clear()
    assert load_model("org/mms:deu").language == "de"
    assert len(asked) == 1  # the adapter is there
    with pytest.raises(BackendError, match=r"org/mms:rus: .*is not in the cache and may not be fe"):
        load_model("org/mms:rus", offline=True)
    assert sorted(path.name for path in snapshot.glob("adapter.*")) == adapters
    with pytest.raises(InputError, match="has no language 'fra'"):
        load_model("org/mms:fra")


def test_a_name_with_a_language_is_of_one_family(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    (folder.parent / "org").mkdir()
    folder.rename(folder.parent / "org" / "mms")
    for source, family in (("org/mms:deu", "hf-ctc"), ("org/other@v1:deu", "hub")):
        assert [name for name in SOURCES if SOURCES[name].recognises(source)] == [family]
    assert hub.recognises("org/other:azj-script_latin")
    assert load_model("org/mms:deu").language == "de"
