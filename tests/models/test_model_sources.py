"""Where models come from: names, folders, files, hubs; and what is wrong with them."""

import json
import shutil

import numpy as np
import pytest

from speechalign.errors import BackendError, InputError
from speechalign.models import MODELS, SOURCES, hub, known_names, load_model
from speechalign.models.hf_folder import card

torch = pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("transformers", reason="needs transformers")


@pytest.fixture
def folder(tiny, tmp_path):
    """Return a copy of a small model's folder, to be spoilt."""
    return shutil.copytree(tiny("wav2vec2"), tmp_path / "small")


def test_names_that_are_nearly_right():
    with pytest.raises(InputError, match=r"; did you mean english-sphinx.*\? expected a name t"):
        load_model("english-sphynx")
    with pytest.raises(InputError, match="did you mean torchaudio:MMS_FA"):
        load_model("torchaudioMMS_FA")
    with pytest.raises(InputError, match=r"torchaudio has no CTC bundle of this name; .*MMS_FA"):
        load_model("torchaudio:MMS")


def test_known_names_are_those_of_the_installed_torchaudio():
    pipelines = pytest.importorskip("torchaudio", reason="needs torchaudio").pipelines
    installed = {
        f"torchaudio:{name}"
        for name in pipelines.__all__
        if hasattr(getattr(pipelines, name), "get_labels") and name.isupper()
    }
    assert installed <= set(known_names())
    assert {name for name in known_names() if ":" in name} <= installed | {"torchaudio:MMS_FA"}


def test_no_source_is_recognised_by_two_families(tiny):
    sources = [str(tiny(name)) for name in ("wav2vec2", "whisper", "parakeet")]
    for source in [*sources, "torchaudio:MMS_FA", "org/name@main"]:
        claims = [name for name in SOURCES if SOURCES[name].recognises(source)]
        assert len(claims) == 1, source
    assert not any(SOURCES[name].recognises("english-sphinx") for name in SOURCES)


def test_a_name_and_a_language_from_the_card(folder):
    model = load_model(folder)
    assert (model.name, model.language, model.licence) == ("small", "en", "apache-2.0")
    (folder / "README.md").unlink()
    model = load_model(folder)
    assert (model.language, model.licence) == ("und", "not told by the model card")


@pytest.mark.parametrize(
    ("matter", "found"),
    [
        ("license: mit\nlanguage: de", {"license": "mit", "language": "de"}),
        ("language:\n  - de\n  - en\nlicense: cc-by-4.0\ntags: [a]", {"license": "cc-by-4.0",
                                                                    "language": "mul"}),
        ("language: [fr]", {"language": "fr"}),
        ("tags: x", {}),
    ],
)  # fmt: skip
def test_cards(tmp_path, matter, found):
    (tmp_path / "README.md").write_text(f"---\n{matter}\n---\nlicense: none\n")
    assert card(tmp_path) == found


def test_a_snapshot_of_the_hub_is_named_by_repository_and_commit(tiny, tmp_path):
    snapshot = tmp_path / "models--org--small" / "snapshots" / "0123abcd"
    shutil.copytree(tiny("wav2vec2"), snapshot)
    assert load_model(snapshot).name == "org/small@0123abcd"


def test_a_repository_in_the_cache_needs_no_network(tiny, tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    home = tmp_path / "models--org--small"
    commit = "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(tiny("wav2vec2"), home / "snapshots" / commit)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(commit)
    fetched = hub.fetch("org/small", offline=True, allow_pickle=False)
    assert fetched == home / "snapshots" / commit
    assert load_model(f"org/small@{commit}", offline=True).name == f"org/small@{commit}"
    with pytest.raises(BackendError, match=r"not in the cache and may not be fetched.*download"):
        load_model("org/small@other", offline=True)


def test_no_network(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(BackendError, match=r"org/none: there is no such folder; on the hub"):
        load_model("org/none", offline=True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BackendError, match=r"it is not in the cache and .*HF_HUB_OFFLINE"):
        load_model("org/none")


def test_torchaudio_offline(monkeypatch, tmp_path):
    pytest.importorskip("torchaudio", reason="needs torchaudio")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(BackendError, match=r"may not be downloaded \(--offline.*\); copy it there"):
        load_model("torchaudio:WAV2VEC2_ASR_BASE_960H", offline=True)
    with monkeypatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        with pytest.raises(BackendError, match="may not be downloaded"):
            load_model("torchaudio:WAV2VEC2_ASR_BASE_960H")
    with pytest.raises(InputError, match="there is no such file; check its name"):
        load_model("torchaudio:WAV2VEC2_ASR_BASE_960H@/nowhere/x.pt")


def test_the_star_is_as_the_bundle_defines_it(tiny):
    from speechalign.models.ctc import torchaudio_bundle

    source = tiny("torchaudio")
    starred = torchaudio_bundle.load(source, star=True)
    samples = np.random.default_rng(0).normal(size=(1, 8000)).astype(np.float32)
    found = starred.emit(samples, np.array([8000]))
    plain = load_model(source).emit(samples, np.array([8000]))
    assert (found.vocabulary.symbols[-1], found.normalised) == ("*", False)
    assert (found.log_probs[..., -1] == 0).all()
    assert (found.log_probs[..., :-1] == plain.log_probs).all()
    with pytest.raises(InputError, match="only MMS_FA defines one"):
        torchaudio_bundle.load("torchaudio:HUBERT_ASR_LARGE", star=True)


def drop(name):
    return lambda folder: (folder / name).unlink()


def change(name, **fields):
    def spoil(folder):
        told = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**told, **fields}))

    return spoil


def pickled(folder):
    weights = torch.nn.Linear(2, 2).state_dict()
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")


def encoder_only(folder):
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in weights.items() if not name.startswith("lm_head")}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})


BAD = {
    "no weights": (drop("model.safetensors"), "has no model.safetensors; copy all files"),
    "weights in pieces": (
        lambda folder: (folder / "model.safetensors").write_bytes(b"x" * 99), "not a CTC model",
    ),
    "a pickle": (pickled, r"pytorch_model\.bin: is a Python pickle, which is not read unless"),
    "no extractor": (drop("preprocessor_config.json"), "has no feature extractor that can be"),
    "no vocabulary": (drop("vocab.json"), "has no vocab.json and no tokenizer.json; copy all"),
    "no blank": (change("config.json", pad_token_id=None), "pad_token_id, the blank: expected a"),
    "half a vocabulary": (
        lambda folder: (folder / "vocab.json").write_text('{"a": 99}'), "'a' has column 99, and",
    ),
    "broken JSON": (
        lambda folder: (folder / "vocab.json").write_text("{"), r"vocab\.json: damaged: .*; copy",
    ),
    "many languages": (
        lambda folder: (folder / "vocab.json").write_text('{"deu": {"a": 0}, "fra": {"a": 0}}'),
        "is of several languages; expected one of deu, fra, behind the name of the model",
    ),
    "no CTC head": (encoder_only, r"the weights lack lm_head\.bias, lm_head\.weight; is it a"),
    "another kind": (
        change("config.json", model_type="bert", architectures=["BertModel"]), "not a CTC model",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_folders_with_a_fault(folder, fault):
    spoil, message = BAD[fault]
    spoil(folder)
    with pytest.raises(InputError, match=message) as caught:
        load_model(folder)
    assert str(folder) in str(caught.value)


def test_pickles_are_read_when_asked_for(folder):
    from safetensors.torch import load_file

    samples = np.random.default_rng(0).normal(size=(1, 8000)).astype(np.float32)
    before = load_model(folder).emit(samples, np.array([8000])).log_probs
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    model = load_model(folder, allow_pickle=True)
    assert (model.emit(samples, np.array([8000])).log_probs == before).all()


class Evil:
    def __reduce__(self):
        return print, ("code was run",)


def test_pickles_run_no_code(tmp_path, capsys):
    torch.save({"x": Evil()}, tmp_path / "evil.pt")
    from speechalign.models.weights import load_weights

    with pytest.raises(InputError, match="is a Python pickle, which is not read unless asked for"):
        load_weights(tmp_path / "evil.pt", allow_pickle=False)
    with pytest.raises(InputError, match="cannot be read as plain tensors"):
        load_weights(tmp_path / "evil.pt", allow_pickle=True)
    assert "code was run" not in capsys.readouterr().out


def test_weights_that_do_not_fit_a_bundle(tiny, tmp_path):
    from safetensors.torch import save_file

    source = tiny("torchaudio")
    save_file({"x": torch.zeros(2)}, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match="these weights do not fit the bundle"):
        load_model(f"{source.partition('@')[0]}@{tmp_path / 'x.safetensors'}")
    (tmp_path / "y.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"y\.safetensors: damaged"):
        load_model(f"{source.partition('@')[0]}@{tmp_path / 'y.safetensors'}")


def test_devices(folder):
    with pytest.raises(BackendError, match=r"device: 'abacus' is not there: .*; use cpu"):
        load_model(folder, device="abacus")
    with pytest.raises(InputError, match="runs on the CPU only, got cuda"):
        load_model("english-sphinx", device="cuda")
    assert load_model("english-sphinx", device="cpu", offline=True).name in MODELS
    assert load_model(folder, device="cpu").describe()["device"] == "cpu"


def test_a_missing_package_says_what_to_install(folder, monkeypatch):
    import sys

    for name, extra in (("torch", "hf"), ("transformers", "hf")):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, name, None)
            with pytest.raises(BackendError, match=rf"pip install 'speechalign\[{extra}\]'"):
                load_model(folder)


def test_samples_that_cannot_be_scored(folder):
    model = load_model(folder)
    with pytest.raises(InputError, match=r"waveforms: expected shape \(2, N\) for 2 lengths"):
        model.emit(np.zeros((1, 400), np.float32), np.array([400, 400]))
    with pytest.raises(InputError, match=r"waveforms\[0\]\[7\]: expected a finite number"):
        model.emit(np.where(np.arange(800) == 7, np.nan, 0).astype(np.float32)[None],
                   np.array([800]))  # fmt: skip


def test_phones_by_espeak(folder, examples):
    """A model of IPA phones has eSpeak NG pronounce the words, in any of its languages."""
    pytest.importorskip("espeakng_loader", reason="needs eSpeak NG")
    from speechalign.aligners.aligner import Aligner
    from speechalign.audio.sound_file import read_waveform
    from speechalign.espeak import phonemes

    known = json.loads((folder / "vocab.json").read_text())
    phones = {phone for word in ("two", "cups") for phone in phonemes([word], "en-us")[0][0]}
    names = [*list(known)[:5], *sorted(phones)]
    symbols = [*names, *(f"x{n}" for n in range(len(known) - len(names)))]
    (folder / "vocab.json").write_text(json.dumps({s: n for n, s in enumerate(symbols)}))
    change("tokenizer_config.json", tokenizer_class="Wav2Vec2PhonemeCTCTokenizer",
           phonemizer_lang="en-us")(folder)  # fmt: skip
    model = load_model(folder)
    assert (model.unit, model.language) == ("phones", "en-us")
    waveform = read_waveform(examples / "slt/tea.flac", sample_rate=16000)
    result = Aligner(model).align(waveform, "Two cups [cough]")
    assert [word.source for word in result.words] == ["g2p", "g2p", "noise"]
    assert {p.label for word in result.words[:2] for p in word.phones} <= phones
    assert [p.label for p in result.words[2].phones] == ["spn"]
    assert list(result.alignment.tiers) == ["words", "phones"]


@pytest.mark.parametrize("name", list(MODELS))
def test_every_model_by_name_can_be_aligned_with(name, load_named):
    from speechalign.aligners.aligner import ALIGNERS

    try:
        model = load_named(name)
    except BackendError as error:
        pytest.skip(str(error))
    assert model.aligner in ALIGNERS
    assert model.grid.sample_rate == model.sample_rate
    assert model.licence


def test_telling_sources_apart_imports_nothing_heavy():
    import subprocess
    import sys

    code = (
        "import sys; from speechalign.models import SOURCES, known_names; known_names();"
        "[SOURCES[name].recognises('torchaudio:MMS_FA') for name in SOURCES];"
        "print(*({'torch', 'torchaudio', 'transformers', 'onnxruntime', 'huggingface_hub'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
