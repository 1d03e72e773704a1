"""Neural HMMs with a network of their own: numbers, folders, bad input."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from small_neural_hmm import SIZES, STACKED, neural_hmm, noise, random_net

from speechalign.aligners.aligner import Aligner
from speechalign.audio.sound_file import read_waveform
from speechalign.cli.main import cli
from speechalign.errors import FormatError, InputError
from speechalign.models import load_model
from speechalign.models.neural_hmm import phone_net
from speechalign.models.neural_hmm.config import NetConfig
from speechalign.models.neural_hmm.folder import save
from speechalign.models.neural_hmm.log_mel import log_mel


@pytest.fixture(scope="module")
def model():
    return neural_hmm(random_net(NetConfig(**SIZES)))


def test_features_are_those_of_the_formula():
    """Each frame by itself: window, transform, triangles, logarithm; less the mean."""
    samples = noise(1700)
    padded = np.pad(samples.astype(np.float64), 400)
    edges = np.linspace(*(1127 * np.log(1 + hz / 700) for hz in (60, 7600)), 12)
    edges = 700 * (np.exp(edges / 1127) - 1)
    expected = []
    for t in range(11):
        begin = 400 + 160 * t + 80 - 200
        power = np.abs(np.fft.rfft(padded[begin : begin + 400] * np.hanning(400), 512)) ** 2
        hz = np.arange(257) * 16000 / 512
        expected.append([
            np.log(1e-7 + np.sum(power * np.interp(hz, edges[m : m + 3], [0, 1, 0])))
            for m in range(10)
        ])  # fmt: skip
    expected = np.array(expected) - np.mean(expected, axis=0)
    assert log_mel(samples, 10) == pytest.approx(expected, abs=1e-5)


def test_features_do_not_depend_on_blocks(monkeypatch):
    from speechalign.models.neural_hmm import log_mel as module

    samples = noise(5000)
    whole = log_mel(samples)
    monkeypatch.setattr(module, "_BLOCK", 3)
    assert log_mel(samples) == pytest.approx(whole, abs=1e-5)


@pytest.mark.parametrize("sizes", [SIZES, STACKED])
@pytest.mark.parametrize("frames", [1, 100, 101])
def test_posteriors_do_not_depend_on_blocks(sizes, frames, monkeypatch):
    net = random_net(NetConfig(**sizes))
    mels = log_mel(noise(160 * frames), 20)
    whole = net.log_posteriors(mels)
    assert np.exp(whole).sum(axis=1) == pytest.approx(np.ones(frames), abs=1e-5)
    monkeypatch.setattr(phone_net, "_BLOCK", 7)
    assert net.log_posteriors(mels) == pytest.approx(whole, abs=1e-5)


@pytest.mark.parametrize("sizes", [SIZES, STACKED])
def test_frames_beyond_the_reach_do_not_matter(sizes):
    config = NetConfig(**sizes)
    net, mels = random_net(config), log_mel(noise(16000), 20)
    changed = mels.copy()
    changed[50 + config.reach + 1 :] += 1.0
    first, second = net.log_posteriors(mels), net.log_posteriors(changed)
    assert (first[:51] == second[:51]).all()
    assert (first[50 + config.stack] != second[50 + config.stack]).any()


def test_a_state_scores_the_posterior_of_its_phone_less_the_weighted_prior(model):
    samples = noise(3200)
    emissions = model.emit(samples[None], np.array([3200]))
    expected = model.log_posteriors(samples) - 0.5 * model.log_priors
    for state in range(3):
        assert emissions[0][:, state::3] == pytest.approx(expected, abs=1e-5)


def test_a_recording_in_a_batch_is_scored_as_alone(model):
    short, long = noise(1000), noise(4000, seed=1)
    batch = np.stack([np.pad(short, (0, 3000), constant_values=np.nan), long])
    emissions = model.emit(batch, np.array([1000, 4000]))
    for b, samples in enumerate((short, long)):
        assert (emissions[b] == model.emit(samples[None], np.array([len(samples)]))[0]).all()


@pytest.mark.parametrize("samples", [1, 159, 161])
def test_recordings_shorter_than_a_window(model, samples):
    found = model.emit(noise(samples)[None], np.array([samples]))[0]
    assert found.shape == (-(-samples // 160), 18)
    assert np.isfinite(found).all()


def test_digital_silence(model):
    found = model.emit(np.zeros((1, 3200), np.float32), np.array([3200]))[0]
    assert np.isfinite(found).all()


def test_samples_that_are_no_numbers(model):
    samples = noise(3200)
    samples[7] = np.nan
    with pytest.raises(InputError, match=r"waveforms\[0\]\[7\]: expected a finite number, got nan"):
        model.emit(samples[None], np.array([3200]))


def test_all_words_of_a_transcript_get_times(model, examples):
    waveform = read_waveform(examples / "slt/tea.flac", sample_rate=16000)
    result = Aligner(model).align(waveform, "tea tea tea")
    assert [word.interval.label for word in result.words] == ["tea"] * 3
    assert [p.label for word in result.words for p in word.phones] == ["T", "IY"] * 3


def test_a_saved_model_is_the_same_model(model, tmp_path):
    save(model, tmp_path / "saved", texts={"MODEL_CARD.md": "# small\n"})
    loaded = load_model(tmp_path / "saved")
    assert loaded.content_hash == model.content_hash
    assert loaded.describe() == model.describe()
    samples = noise(3200)[None]
    lengths = np.array([3200])
    assert (loaded.emit(samples, lengths)[0] == model.emit(samples, lengths)[0]).all()


def test_the_hash_tells_models_apart(model):
    hashes = {
        model.content_hash,
        neural_hmm(random_net(NetConfig(**SIZES), seed=1)).content_hash,
        neural_hmm(model.net, prior_weight=0.4).content_hash,
        neural_hmm(model.net, dictionary={}).content_hash,
    }
    assert len(hashes) == 4


def spoil_arrays(folder, change):
    with np.load(folder / "parameters.npz") as found:
        arrays = dict(found)
    change(arrays)
    np.savez(folder / "parameters.npz", **arrays)


def spoil_description(folder, **changed):
    path = folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "parameters.npz").unlink(), "parameters.npz: No such file"),
        (lambda f: (f / "parameters.npz").write_bytes(b"PK"), "parameters.npz: damaged"),
        (lambda f: spoil_arrays(f, lambda a: a.pop("net.norm.bias")),
         r"norm.bias: expected shape \(12,\), got none"),
        (lambda f: spoil_arrays(f, lambda a: a["net.norm.bias"].fill(np.nan)),
         "norm.bias: expected finite weights"),
        (lambda f: spoil_arrays(f, lambda a: a.update(log_priors=np.zeros(2))),
         "expected 6 priors, got 2"),
        (lambda f: spoil_description(f, network={**SIZES, "kernel": 4}), "kernel: expected an odd"),
        (lambda f: spoil_description(f, network={**SIZES, "depth": 4}), "unknown key 'depth'"),
        (lambda f: spoil_description(f, network={**SIZES, "dilations": 4}), "damaged"),
        (lambda f: spoil_description(f, format=9), "update speechalign, or train again"),
    ],
)  # fmt: skip
def test_folders_with_a_fault(model, tmp_path, spoil, message):
    folder = tmp_path / "saved"
    save(model, folder, texts={})
    spoil(folder)
    with pytest.raises(FormatError, match=message):
        load_model(folder)


def test_a_model_without_an_encoder_takes_none(model, tmp_path):
    save(model, tmp_path / "saved", texts={})
    with pytest.raises(InputError, match="takes no encoder, as it has a network of its own"):
        load_model(tmp_path / "saved", encoder="openai/whisper-base")
    with pytest.raises(InputError, match="english-gmm: takes no encoder; leave --encoder out"):
        load_model("english-gmm", encoder="openai/whisper-base")


def test_words_are_added_to_its_dictionary(model, tmp_path):
    save(model, tmp_path / "saved", texts={})
    (tmp_path / "my.dict").write_text("kit\tK IY T\n")
    done = CliRunner().invoke(
        cli, ["model", "add-words", str(tmp_path / "saved"), str(tmp_path / "my.dict")]
    )
    assert done.exit_code == 0, done.stderr
    assert load_model(tmp_path / "saved").dictionary["kit"] == (("K", "IY", "T"),)
