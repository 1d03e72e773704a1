"""CTC heads on the states of a frozen encoder, and mixtures of speakers."""

import json
import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("transformers", reason="needs transformers")
import soundfile  # noqa: E402
import yaml  # noqa: E402
from click.testing import CliRunner  # noqa: E402

from recipes.corpora.speaker_mixtures import Said, mix, timed  # noqa: E402
from recipes.corpora.speaker_mixtures import main as speaker_mixtures  # noqa: E402
from recipes.steps.decode_long import timed_words  # noqa: E402
from recipes.steps.decode_states import main as decode_states  # noqa: E402
from recipes.steps.decode_states import thinned  # noqa: E402
from recipes.steps.encode_states import main as encode_states  # noqa: E402
from recipes.steps.train_state_ctc import StateTrainer, Training  # noqa: E402
from recipes.trainer.head_runs import read_head_training  # noqa: E402
from recipes.trainer.letters import (  # noqa: E402
    labels_of,
    letter_vocabulary,
    words_from,
    words_of,
)
from recipes.trainer.state_head import (  # noqa: E402
    HeadConfig,
    StateCtc,
    StateHead,
    load_head,
)
from recipes.trainer.state_split import StateSplit  # noqa: E402
from speechalign.corpus import read_corpus  # noqa: E402
from speechalign.errors import InputError  # noqa: E402
from speechalign.formats import read_alignment  # noqa: E402
from speechalign.frames import FrameGrid  # noqa: E402
from speechalign.text.speaker_roles import Turn, role_spans  # noqa: E402
from speechalign.transcription.beam_search import beam_search  # noqa: E402

RATE = 16000
TEXTS = ("tea", "two cats", "it's tea", "cats", "a tea", "two")
WORDS = ("tea", "two", "cats", "it's", "a")


def whisper(folder, seed):
    """Save a tiny Whisper with random weights."""
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

    torch.manual_seed(seed)
    config = WhisperConfig(
        vocab_size=8, d_model=16, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, pad_token_id=0,
        bos_token_id=0, eos_token_id=0, decoder_start_token_id=0,
    )  # fmt: skip
    WhisperModel(config).save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)
    return folder


def corpus(folder):
    """Write recordings of three speakers, each word a tone of its own, and their manifest."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    lines = []
    for number, text in enumerate(TEXTS * 2):
        tones = [np.sin(np.arange(6000) * 0.1 * (1 + WORDS.index(word))) for word in text.split()]
        samples = 0.1 * np.concatenate(tones) + 0.01 * rng.standard_normal(6000 * len(tones))
        soundfile.write(folder / f"{number}.wav", samples, RATE)
        line = {"audio_filepath": f"{number}.wav", "text": text, "speaker": f"s{number % 3}"}
        lines.append(json.dumps(line) + "\n")
    for name in ("all", "train", "dev"):
        (folder / f"{name}.jsonl").write_text("".join(lines))
    return folder


@pytest.fixture(scope="module")
def encoded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("states")
    data = corpus(folder / "data")
    encoder = whisper(folder / "encoder", 0)
    invoke(encode_states, data / "all.jsonl", folder / "store", "--encoder", encoder, "--copies", 1)
    return folder


def invoke(command, *arguments):
    done = CliRunner().invoke(command, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def trainer(encoded, out, *, initial=None, **changes):
    out.mkdir(exist_ok=True)
    settings = out / "settings.yaml"
    sizes = {"channels": 16, "blocks": 1, "kernel": 3, "dropout": 0.0}
    masks = {"augmentation": {"frequency_masks": 0, "time_masks": 0}}
    content = masks | {
        "steps": 6,
        "warmup": 1,
        "batch_seconds": 4,
        "validate_every": 3,
        "network": sizes,
    }
    settings.write_text(yaml.safe_dump(content | changes))
    training = read_head_training(Training, settings)
    splits = [
        StateSplit(encoded / "store", encoded / "data" / f"{name}.jsonl", copies=copies)
        for name, copies in (("train", training.copies), ("dev", 1))
    ]
    return StateTrainer(training, *splits, out, initial=initial)


def weights(made):
    return {name: value.clone() for name, value in made.model.net.state_dict().items()}


def test_states_of_another_encoder_are_refused(encoded, tmp_path):
    other, store = whisper(tmp_path / "other", 1), tmp_path / "store"
    shutil.copytree(encoded / "store", store)
    command = [str(encoded / "data/all.jsonl"), str(store), "--encoder"]
    same = CliRunner().invoke(encode_states, [*command, str(encoded / "encoder")])
    assert same.exit_code == 0
    found = CliRunner().invoke(encode_states, [*command, str(other)])
    assert isinstance(found.exception, InputError)
    assert "holds states of the encoder" in str(found.exception)
    (store / "encoder.json").unlink()
    found = CliRunner().invoke(encode_states, [*command, str(other)])
    assert "encoder.json: missing" in str(found.exception)


def test_a_head_of_another_encoder_is_refused(encoded, tmp_path):
    made = trainer(encoded, tmp_path)
    made.write_model()
    content = made.model.encoder
    back = load_head(tmp_path / "model", encoder=content)
    assert all(
        torch.equal(a, b) for a, b in zip(weights(made).values(), back.net.state_dict().values())
    )
    with pytest.raises(InputError, match=f"of encoder {content}, got states of 0000"):
        load_head(tmp_path / "model", encoder="0000")
    with pytest.raises(InputError, match="missing; train the model first"):
        load_head(tmp_path / "none", encoder=content)
    (tmp_path / "model" / "head.pt").write_bytes(b"x")
    with pytest.raises(InputError, match="damaged"):
        load_head(tmp_path / "model", encoder=content)


def test_recordings_without_states_are_named(encoded, tmp_path):
    manifest = tmp_path / "m.jsonl"
    line = {"audio_filepath": str(encoded / "data/0.wav"), "text": "tea", "id": "strange"}
    manifest.write_text(json.dumps(line))
    with pytest.raises(InputError, match=r"strange: .*has no states of it"):
        StateSplit(encoded / "store", manifest)


def test_labels_spell_the_words_and_marks_are_one_label():
    words = words_of("<other> It's TEA, ' <primary> two")
    assert words == ["<other>", "it's", "tea", "<primary>", "two"]
    labels = [label for word in labels_of(words) for label in word]
    assert words_from(labels) == words
    assert letter_vocabulary().ids(labels)
    assert len(labels) == 2 + 4 + 3 + 3 + 1  # A space between two words, none beside a mark.


def test_what_lies_beyond_a_length_does_not_change_what_lies_within():
    torch.manual_seed(0)
    head = StateHead(HeadConfig(channels=8, blocks=2, kernel=5), 6, 4).eval()
    states, lengths = torch.randn(2, 9, 6), torch.tensor([5, 9])
    found = head.encode(head.normalise(states, lengths), lengths)
    assert found.shape == (2, 9, 4)
    assert torch.allclose(found.exp().sum(-1), torch.ones(2, 9))
    alone = head.encode(head.normalise(states[:1, :5], lengths[:1]), lengths[:1])
    assert torch.allclose(found[0, :5], alone[0], atol=1e-5)


LOSSES = {
    "ctc": {},
    "awp:min_wer": {"weight": 1.0, "samples": 3},
    "awp:low_latency": {"weight": 0.1, "samples": 2},
    "expected_risk": {"weight": 0.1, "samples": 3, "separator": 1},
}


def test_killed_and_resumed_is_uninterrupted_with_all_losses(encoded, tmp_path):
    whole = trainer(encoded, tmp_path / "whole", losses=LOSSES, copies=2)
    whole.run()
    killed = trainer(encoded, tmp_path / "killed", losses=LOSSES, copies=2)
    for _ in range(3):
        killed.step()
    killed.save()
    resumed = trainer(encoded, tmp_path / "killed", losses=LOSSES, copies=2)
    resumed.run()
    assert resumed.step_count == 6
    assert all(
        torch.equal(a, b) for a, b in zip(weights(whole).values(), weights(resumed).values())
    )
    log = [json.loads(line) for line in (whole.out / "log.jsonl").read_text().splitlines()]
    assert all(
        np.isfinite(line[name]) for line in log if line["split"] == "train" for name in LOSSES
    )


def test_words_of_letters_are_numbered_or_separated(encoded, tmp_path):
    made = trainer(encoded, tmp_path)
    split = made.train_split
    number = [entry.text for entry in split.entries].index("it's tea")
    batch = split.batch([number], made.symbols)
    assert batch.words[0].tolist() == [0, 0, 0, 0, 1, 2, 2, 2]
    for keywords in ({}, {"separator": 1}):
        losses = {"awp:min_wer": {"samples": 3, "most_edits": 3} | keywords}
        assert trainer(encoded, tmp_path, losses=losses).losses(batch)[0].item() > 0


def test_a_head_learns_and_its_errors_are_counted(encoded, tmp_path):
    made = trainer(encoded, tmp_path, steps=200, learning_rate=0.01, validate_every=200)
    made.run()
    text = tmp_path / "text.txt"
    text.write_text("\n".join(TEXTS))
    invoke(
        decode_states, encoded / "store", encoded / "data/dev.jsonl", "--run", tmp_path,
        "--samples", 8,
    )  # fmt: skip
    found = json.loads((tmp_path / "dev.json").read_text())
    assert found["oracle"] <= found["wer"] < 0.7
    first = found["utterances"][0]
    assert first["reference"] == "tea"
    assert len(first["starts"]) == 3
    assert sorted(first["starts"]) == first["starts"]
    invoke(
        decode_states, encoded / "store", encoded / "data/dev.jsonl", "--run", tmp_path,
        "--text", text,
    )  # fmt: skip
    assert json.loads((tmp_path / "dev.lm.json").read_text())["wer"] <= found["wer"]


def test_a_transcript_longer_than_the_speech_is_left_out_and_counted(encoded, tmp_path, capsys):
    made = trainer(encoded, tmp_path, steps=2, batch_seconds=100)
    entries = made.train_split.entries
    entries[0] = type(entries[0])(**(vars(entries[0]) | {"words": (tuple("abc" * 50),)}))
    made.run()
    assert "2 times an utterance had more labels than frames" in capsys.readouterr().err


def test_frames_that_are_left_out_say_nothing():
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 3, (40, 5))
    scores[rng.random(40) < 0.6, 0] = 30
    scores -= np.logaddexp.reduce(scores, axis=1, keepdims=True)
    short = thinned(scores, 0)
    assert len(short) < 30
    assert beam_search(short, blank=0) == beam_search(scores, blank=0)


def test_mixtures_tell_who_says_what_and_are_the_same_again(encoded, tmp_path):
    for name in ("a", "b"):
        invoke(
            speaker_mixtures, encoded / "data/all.jsonl", tmp_path / name, "--count", 4,
            "--seconds", 6,
        )  # fmt: skip
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.*"))
    assert len(files) == 4 + 4 + 3
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    both, each, primary = (
        read_corpus(tmp_path / "a" / f"{name}.jsonl") for name in ("both", "each", "primary")
    )
    marked = 0
    for every, one_by_one, alone in zip(both, each, primary):
        words, spans = role_spans(every.text.split())
        assert role_spans(one_by_one.text.split()) == (words, spans)
        own = [word for span in spans if span.primary for word in words[span.start : span.end]]
        assert " ".join(own) == alone.text
        turns = read_alignment(tmp_path / "a" / "turns" / f"{every.id}.TextGrid")
        assert " ".join(i.label for i in turns.tiers["primary"]) == alone.text
        marked += len(spans) > 1
    assert marked


def test_words_of_an_utterance_begin_as_their_letters_tell():
    turn = Turn(2.0, ("tea", "a"), primary=False)
    assert timed(Said(turn, np.zeros(2 * RATE, np.float32))) == [
        Turn(2.0, ("tea",), primary=False),
        Turn(3.5, ("a",), primary=False),
    ]


def test_words_begin_and_end_within_the_recording():
    vocabulary = letter_vocabulary()
    model = StateCtc(
        StateHead(HeadConfig(8, 1, 3), 6, 31), vocabulary, "", FrameGrid(RATE, 320, -160)
    )
    scores = np.eye(len(vocabulary))[vocabulary.ids(["t", "t", "e"])]
    assert timed_words(model, scores, 0.041) == [("te", 0.0, 0.041)]


def test_an_empty_mixture_says_so(encoded):
    utterances = read_corpus(encoded / "data" / "all.jsonl")
    with pytest.raises(InputError, match=r"an empty mixture: no utterance fits into 0\.1 s"):
        mix(utterances, [], seconds=0.1, pause=0.0, drift=0.0, rng=np.random.default_rng(0))
