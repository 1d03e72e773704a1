"""The convolutional CTC model: lengths, padding, context, the middle of a frame, and its files."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("safetensors", reason="needs safetensors")
from safetensors.torch import load_file, save_file  # noqa: E402

from speechalign.errors import InputError  # noqa: E402
from speechalign.models import load_model  # noqa: E402
from speechalign.models.ctc.conv_ctc import BLANK, WEIGHTS, ConvCTC, load  # noqa: E402
from speechalign.models.ctc.conv_net import (  # noqa: E402
    ConvCTCConfig,
    ConvCTCNet,
    LogMel,
    with_context,
)
from speechalign.vocabulary import Vocabulary  # noqa: E402

SMALL = {"mels": 20, "stem_channels": 8, "channels": 12, "blocks": 3, "kernel": 5}
PHONES = ["AA", "B", "K", "S"]


def make_net(**keywords):
    torch.manual_seed(1)
    return ConvCTCNet(ConvCTCConfig(**(SMALL | keywords)), len(PHONES) + 1).eval()


def make_model(**keywords):
    vocabulary = Vocabulary([*PHONES[:2], BLANK, *PHONES[2:]], blank=BLANK)
    return ConvCTC(make_net(**keywords), vocabulary, name="small", language="en", licence="none")


def noise(*shape):
    return np.random.default_rng(3).normal(0, 0.1, shape).astype(np.float32)


@pytest.mark.parametrize("samples", [1, 159, 160, 161, 320, 321, 640, 641, 5000])
def test_a_frame_for_every_20_ms_or_part_of_it(samples):
    model = make_model()
    emissions = model.emit(noise(1, samples), np.array([samples]))
    assert emissions.log_probs.shape == (1, -(-samples // 320), 5)
    assert emissions.input_lengths.tolist() == [model.grid.count(samples)]
    assert np.allclose(np.exp(emissions.log_probs).sum(2), 1, atol=1e-5)


@pytest.mark.parametrize("right_context", [None, 0, 4])
def test_padding_changes_nothing_and_a_batch_is_its_singles(right_context):
    model = make_model(right_context=right_context)
    lengths = np.array([9000, 4001, 160, 6399])
    waveforms = noise(4, 9000)
    waveforms[1, 4001:] = np.nan
    emissions = model.emit(waveforms, lengths)
    for b, length in enumerate(lengths):
        alone = model.emit(waveforms[b : b + 1, :length], lengths[b : b + 1])
        assert np.allclose(emissions[b], alone[0], atol=1e-4)


def test_the_network_itself_masks_what_lies_beyond_a_length():
    net = make_net()
    waveforms = torch.from_numpy(noise(2, 4000))
    changed = waveforms.clone()
    changed[0, 2345:] = 5.0
    lengths = torch.tensor([2345, 4000])
    with torch.no_grad():
        assert torch.allclose(
            net(waveforms, lengths)[0, :8], net(changed, lengths)[0, :8], atol=1e-5
        )


def test_a_streaming_model_hears_no_further_than_it_says():
    right = 4
    net = make_net(right_context=right)
    features = torch.randn(1, 200, 20, generator=torch.Generator().manual_seed(2))
    changed = features.clone()
    # The stem hears 3 vectors beyond the 4 of a frame of the stack.
    changed[:, 101:] += 1.0
    lengths = torch.tensor([200])
    with torch.no_grad():
        apart = (net.encode(features, lengths) - net.encode(changed, lengths)).abs().amax(2)[0]
    first = int((apart > 1e-6).nonzero()[0])
    heard = 2 * first + 3 + 3 + 2 * right
    assert heard >= 101 > heard - 8
    offline = make_net()
    with torch.no_grad():
        apart = (offline.encode(features, lengths) - offline.encode(changed, lengths)).abs()
    assert int((apart.amax(2)[0] > 1e-6).nonzero()[0]) < first


def test_features_of_speech_played_backwards_are_the_features_backwards():
    waveforms = torch.from_numpy(noise(1, 3200))
    log_mel = LogMel(20)
    assert torch.allclose(log_mel(waveforms.flip(1)), log_mel(waveforms).flip(1), atol=1e-3)


def test_the_middle_of_a_frame_is_in_the_middle_of_what_an_offline_model_hears():
    net = make_net()
    mirrored = make_net()
    with torch.no_grad():
        for name, weights in mirrored.named_parameters():
            if name in ("halve.weight", "quarter.weight") or name.endswith("over_time.weight"):
                weights.copy_(weights.flip(-1))
            if name.startswith("head."):
                weights.copy_(torch.cat(weights.chunk(2)[::-1]))
        features = torch.randn(1, 80, 20, generator=torch.Generator().manual_seed(2))
        lengths = torch.tensor([80])
        ours = net.encode(features, lengths)
        theirs = mirrored.encode(features.flip(1), lengths).flip(1)
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_another_context_keeps_the_taps_that_both_have():
    net = make_net(right_context=2)
    offline = with_context(net, None)
    assert offline.config.right_context is None
    before, after = (n.blocks[2].over_time.weight[0, 0, 0] for n in (net, offline))
    assert net.config.ahead() == [1, 0, 0]
    assert offline.config.ahead() == [2, 2, 2]
    assert torch.equal(after[:3], before[2:])
    assert torch.equal(after[3:], torch.zeros(2))
    back = with_context(offline, 2).blocks[2].over_time.weight[0, 0, 0]
    assert torch.equal(back, torch.cat([torch.zeros(2), before[2:]]))
    assert torch.equal(with_context(net, 2).head.weight, net.head.weight)


def test_written_and_read_it_says_the_same(tmp_path):
    model = make_model(right_context=4)
    model.save(tmp_path / "model")
    again = load_model(tmp_path / "model")
    waveforms, lengths = noise(1, 4000), np.array([4000])
    assert np.array_equal(
        model.emit(waveforms, lengths).log_probs, again.emit(waveforms, lengths).log_probs
    )
    assert again.describe() == model.describe()
    assert again.phones == tuple(PHONES)
    assert (again.aligner, again.unit, again.vocabulary.blank) == ("ctc", "phones", 2)


def test_at_half_precision_it_says_nearly_the_same(tmp_path):
    model = make_model()
    model.save(tmp_path / "model", half=True)
    assert load_file(tmp_path / "model" / WEIGHTS)["head.weight"].dtype == torch.float16
    waveforms, lengths = noise(1, 4000), np.array([4000])
    again = load(tmp_path / "model").emit(waveforms, lengths).log_probs
    assert np.allclose(model.emit(waveforms, lengths).log_probs, again, atol=0.02)


def test_damaged_weights_are_refused_by_name(tmp_path):
    make_model().save(tmp_path / "model")
    weights = tmp_path / "model" / WEIGHTS
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"model\.safetensors: damaged or missing"):
        load(tmp_path / "model")
    weights.unlink()
    with pytest.raises(InputError, match=r"model\.safetensors: damaged or missing"):
        load(tmp_path / "model")


def test_weights_of_another_size_or_that_are_not_finite_are_refused(tmp_path):
    make_model(channels=16).save(tmp_path / "other")
    make_model().save(tmp_path / "model")
    weights = tmp_path / "model" / WEIGHTS
    kept = load_file(weights)
    (tmp_path / "other" / WEIGHTS).replace(weights)
    with pytest.raises(InputError, match="do not fit the model"):
        load(tmp_path / "model")
    kept["head.bias"][0] = float("nan")
    save_file(kept, weights)
    with pytest.raises(InputError, match=r"head\.bias holds values that are not finite"):
        load(tmp_path / "model")


def test_unknown_keys_of_a_description_are_refused(tmp_path):
    make_model().save(tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | {"network": data["network"] | {"layers": 3}}))
    with pytest.raises(InputError, match="unknown key 'layers'; expected mels"):
        load(tmp_path / "model")
    path.write_text(json.dumps(data | {"colour": "red"}))
    with pytest.raises(InputError, match="no further key, got 'conv-ctc' and \\['colour'\\]"):
        load(tmp_path / "model")
    path.write_text("{")
    with pytest.raises(InputError, match="not the description of a conv-ctc model"):
        load(tmp_path / "model")


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"channels": 0}, "channels: expected an integer from 1 on, got 0"),
        ({"kernel": 4}, "kernel: expected an odd number, got 4"),
        ({"dropout": 1.0}, "dropout: expected a value in"),
        ({"right_context": 3}, r"right_context: expected None or an even number in \[0, 12\]"),
        ({"right_context": 14}, r"right_context: expected None or an even number in \[0, 12\]"),
    ],
)
def test_sizes_out_of_range(keywords, message):
    with pytest.raises(InputError, match=message):
        ConvCTCConfig(**(SMALL | keywords))


def test_a_vocabulary_that_does_not_fit():
    with pytest.raises(InputError, match="expected a vocabulary of 5 symbols with a blank"):
        ConvCTC(make_net(), Vocabulary(PHONES), name="x", language="en", licence="none")


def test_bad_waveforms():
    model = make_model()
    broken = noise(1, 100)
    broken[0, 7] = np.inf
    with pytest.raises(InputError, match=r"waveforms\[0\]\[7\]: expected a finite number"):
        model.emit(broken, np.array([100]))
    with pytest.raises(InputError, match="expected shape \\(2, N\\) for 2 lengths"):
        model.emit(noise(1, 100), np.array([100, 100]))
