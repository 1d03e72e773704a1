"""The steps around the training of a CTC model: splits, features, decoding, scores, report."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("safetensors", reason="needs safetensors")
from click.testing import CliRunner  # noqa: E402

from recipes.steps.compute_features import main as compute_features  # noqa: E402
from recipes.steps.decode_ctc import _wrong_words  # noqa: E402
from recipes.steps.decode_ctc import main as decode_ctc  # noqa: E402
from recipes.steps.report_ctc import main as report_ctc  # noqa: E402
from recipes.steps.score_ctc import main as score_ctc  # noqa: E402
from recipes.steps.split_speakers import Spoken, split  # noqa: E402
from recipes.trainer.decoding import collapse  # noqa: E402
from recipes.trainer.feature_store import FeatureStore  # noqa: E402
from speechalign.alignment import Alignment, Interval  # noqa: E402
from speechalign.audio.sound_file import read_waveform  # noqa: E402
from speechalign.corpus import Utterance, read_corpus  # noqa: E402
from speechalign.errors import InputError  # noqa: E402
from speechalign.formats import write_alignment  # noqa: E402
from speechalign.models.ctc.conv_ctc import BLANK, ConvCTC  # noqa: E402
from speechalign.models.ctc.conv_net import ConvCTCConfig, ConvCTCNet, LogMel  # noqa: E402
from speechalign.vocabulary import Vocabulary  # noqa: E402


def invoke(command, *arguments):
    done = CliRunner().invoke(command, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def corpus(speakers=40, sentences=10):
    """Make a corpus in which every speaker reads other sentences, and half of them one of all."""
    return [
        Spoken(
            Utterance(f"{s}/{n}", f"{s}/{n}", Path("x"), "", speaker=str(s)),
            2.0,
            "the same" if n == 0 and s % 2 else f"{s} {n}",
        )
        for s in range(speakers)
        for n in range(sentences)
    ]


OPTIONS = {"test": 0.1, "dev": 0.05, "known": 0.05, "most": 0.05}


def test_no_speaker_and_no_sentence_is_on_both_sides():
    splits = split(corpus(), **OPTIONS)
    speakers = {name: {i.utterance.speaker for i in items} for name, items in splits.items()}
    sentences = {name: {i.sentence for i in items} for name, items in splits.items()}
    for held_out in ("dev", "test"):
        assert not speakers[held_out] & speakers["train"]
        assert not sentences[held_out] & sentences["train"]
    assert not sentences["known"] & sentences["train"]
    assert speakers["known"] <= speakers["train"]
    assert len(speakers["test"]) == 4
    assert len(speakers["dev"]) == 2
    assert splits == split(corpus()[::-1], **OPTIONS) | {
        name: splits[name] for name in ("test", "dev", "known")
    }


def test_a_speaker_with_much_of_the_speech_is_trained_on():
    items = corpus()
    items += [
        Spoken(Utterance(f"big/{n}", "", Path("x"), "", speaker="big"), 2.0, f"big {n}")
        for n in range(200)
    ]
    splits = split(items, **OPTIONS)
    assert not any(i.utterance.speaker == "big" for i in splits["test"] + splits["dev"])


def test_a_speaker_is_given_to_test_by_name_and_some_sentences_stay_in_training():
    items = corpus()
    items += [
        Spoken(Utterance(f"{name}/{n}", "", Path("x"), "", speaker=name), 2.0, f"read {n}")
        for name in ("ann", "bob")
        for n in range(200)
    ]
    splits = split(items, **OPTIONS, named=["ann"], share=0.3)
    anns = {
        name: [i for i in found if i.utterance.speaker == "ann"] for name, found in splits.items()
    }
    assert 30 < len(anns["test"]) < 90
    assert not anns["train"] + anns["dev"] + anns["known"]
    kept = {item.sentence for item in splits["test"]}
    bobs = {i.sentence for i in splits["train"] if i.utterance.speaker == "bob"}
    assert len(bobs) > 100
    assert not bobs & kept
    with pytest.raises(InputError, match="'eve': there is no such speaker"):
        split(items, **OPTIONS, named=["eve"])


def test_too_few_speakers():
    with pytest.raises(InputError, match="test: too few speakers with at most 5% of the speech"):
        split(corpus(speakers=3), **OPTIONS)


def test_collapse():
    labels, spans = collapse(np.array([0, 2, 2, 0, 2, 1, 1, 0]), blank=0)
    assert labels.tolist() == [2, 2, 1]
    assert spans.tolist() == [[1, 3], [4, 5], [5, 7]]
    labels, spans = collapse(np.array([0, 0]), blank=0)
    assert (labels.shape, spans.shape) == ((0,), (0, 2))


@pytest.mark.parametrize(
    ("found", "pairs", "wrong"),
    [
        ([1, 2, 3, 4, 5], [[0, 0], [1, 1], [2, 2], [3, 3], [4, 4]], 0),
        ([1, 9, 3, 4, 5], [[0, 0], [1, 1], [2, 2], [3, 3], [4, 4]], 1),
        ([1, 2, 3, 9, 4, 5], [[0, 0], [1, 1], [2, 2], [3, 4], [4, 5]], 1),
        ([1, 2, 9, 3, 4, 5], [[0, 0], [1, 1], [2, 3], [3, 4], [4, 5]], 0),
        ([2, 3, 4, 5], [[1, 0], [2, 1], [3, 2], [4, 3]], 1),
        ([], [], 2),
    ],
)
def test_wrong_words(found, pairs, wrong):
    target = np.array([1, 2, 3, 4, 5])
    pairs = np.array(pairs, np.int64).reshape(-1, 2)
    assert _wrong_words([2, 3], target, np.array(found, np.int64), pairs) == wrong


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, examples):
    """Compute features of the bundled example, and decode it with a small model."""
    folder = tmp_path_factory.mktemp("steps")
    lines = []
    for audio in sorted(examples.rglob("*.flac")):
        entry = {
            "audio_filepath": str(audio), "id": audio.stem, "speaker": audio.parent.name,
            "text": audio.with_suffix(".lab").read_text().strip(),
        }  # fmt: skip
        lines.append(json.dumps(entry) + "\n")
    for name, text in (("greek", "Ωμέγα"), ("empty", "")):
        shutil.copy(audio, folder / f"{name}.flac")
        spoilt = {"audio_filepath": f"{name}.flac", "id": name, "text": text, "speaker": "s"}
        lines.append(json.dumps(spoilt) + "\n")
    (folder / "test.jsonl").write_text("".join(lines))
    printed = invoke(compute_features, folder / "test.jsonl", folder / "features" / "test")
    torch.manual_seed(1)
    phones = sorted({p for e in FeatureStore(folder / "features/test").entries for p in e.phones})
    config = ConvCTCConfig(stem_channels=8, channels=16, blocks=2)
    model = ConvCTC(
        ConvCTCNet(config, len(phones) + 1),
        Vocabulary([BLANK, *phones], blank=BLANK),
        name="small", language="en", licence="none",
    )  # fmt: skip
    model.save(folder / "exp" / "small" / "model")
    for name in ("test", "known"):
        invoke(
            decode_ctc,
            folder / "exp/small/model",
            folder / "features/test",
            folder / f"exp/small/{name}.json",
        )
    return folder, printed


def test_features_are_those_of_the_model_and_phones_those_of_the_dictionary(prepared):
    folder, printed = prepared
    store = FeatureStore(folder / "features" / "test")
    assert "3 utterances" in printed
    assert "2 left out" in printed
    assert "left out: empty: the transcript is empty" in printed
    entry = store.entries[1]
    samples = read_waveform(entry.audio, sample_rate=16000).samples
    expected = LogMel(80)(torch.from_numpy(samples)[None])[0].numpy()
    assert np.allclose(store.features(1), expected, atol=0.01)
    # "1995" is three words when it is said.
    assert len(entry.words) == len(entry.text.split()) + 2 * ("1995" in entry.text)
    assert "kept" in invoke(compute_features, folder / "test.jsonl", folder / "features" / "test")


def test_decoding_tells_every_phone_and_when(prepared):
    folder, _ = prepared
    decoded = json.loads((folder / "exp/small/test.json").read_text())
    entries = FeatureStore(folder / "features" / "test").entries
    assert [u["id"] for u in decoded["utterances"]] == [entry.id for entry in entries]
    for utterance, entry in zip(decoded["utterances"], entries):
        assert utterance["reference"] == entry.phones
        assert len(utterance["forced"]) == len(entry.phones)
        assert len(utterance["emitted"]) == len(utterance["hypothesis"])
        assert all(0 <= a < b <= entry.frames / 100 + 0.02 for a, b in utterance["forced"])
    phones = sum(len(u["reference"]) for u in decoded["utterances"])
    errors = sum(u["errors"] for u in decoded["utterances"])
    assert decoded["per"][0] == pytest.approx(errors / phones)


def test_a_model_that_is_later_by_40_ms_is_found_to_be(prepared, tmp_path):
    folder, _ = prepared
    decoded = json.loads((folder / "exp/small/test.json").read_text())
    recordings = {u.id: u.recording for u in read_corpus(folder / "test.jsonl")}
    for utterance in decoded["utterances"]:
        if utterance["forced"]:
            phones = [
                Interval(a, b, p) for (a, b), p in zip(utterance["forced"], utterance["reference"])
            ]
            path = tmp_path / "reference" / f"{recordings[utterance['id']]}.TextGrid"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_alignment(Alignment({"phones": phones}, phones[-1].end), path)
        utterance["forced"] = [[a + 0.04, b + 0.04] for a, b in utterance["forced"]]
    late = tmp_path / "late.json"
    late.write_text(json.dumps(decoded))
    printed = invoke(
        score_ctc, folder / "test.jsonl", tmp_path / "reference", late, tmp_path / "score.json",
        "--baseline", folder / "exp/small/test.json",
    )  # fmt: skip
    score = json.loads((tmp_path / "score.json").read_text())
    assert score["latency"]["drift"] == pytest.approx(0.04, abs=1e-4)
    assert score["differences"]["drift"]["value"] == pytest.approx(0.04, abs=1e-4)
    assert score["differences"]["per"]["value"] == 0
    assert "drift +40.00 ms" in printed


LATENCY = ("drift", "drift_median", "drift_p90", "end_bias", "first", "last", "last_p90")


def write_results(folder, decoded, *, more=0.0):
    """Write what stages before the report find of a model, figures ``more`` apart."""
    folder.mkdir(parents=True)
    difference = {"value": -0.05 - more, "low": -0.06, "high": -0.04, "p_bootstrap": 0.001,
                  "p_randomisation": 0.002}  # fmt: skip
    score = {
        "latency": dict.fromkeys(LATENCY, 0.1 + more) | {"signature": "latency|x"},
        "baseline": "exp/plain/test.json",
        "differences": dict.fromkeys(("drift", "per", "wer"), difference),
    }
    for name in ("dev", "known", "test"):
        decoded |= {"per": [0.45 - more, 0.3, 0.5], "wer": [0.6, 0.5, 0.7]}
        (folder / f"{name}.json").write_text(json.dumps(decoded))
        (folder / f"{name}.score.json").write_text(json.dumps(score))
    within = {"0.02": 0.5, "0.05": 0.8}
    errors = {"mean": 0.03, "median": 0.02 + more, "bias": 0.01, "within": within}
    pooled = {"both": errors, "start": errors, "end": errors, "signature": "boundaries|x"}
    (folder / "boundaries.json").write_text(json.dumps({"pooled": pooled}))
    (folder / "log.jsonl").write_text('{"split": "dev", "step": 7, "per": 0.5}\n')


def test_the_report_has_every_table(prepared, tmp_path):
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    decoded = json.loads((prepared[0] / "exp/small/test.json").read_text())
    write_results(tmp_path / "1" / "small", decoded)
    report = invoke(report_ctc, tmp_path, "1", "small", "--about", "Speech: mine.")
    assert report.startswith("# Results\n\nSeeds: 1. Speech: mine.\n")
    assert report.strip() == (tmp_path / "RESULTS.md").read_text().strip()
    assert "| small | 7 | 45.00 [30.00, 50.00] |" in report
    interval = "-50.00 [-60.00, -40.00]"
    assert f"| small - plain | drift ms | {' | '.join([interval] * 3)} | 0.002 |" in report
    assert f"| small - plain | PER, % of it | {' | '.join(['-10.0'] * 3)} |  |" in report
    assert "| small | 30.0 | 20.0 | 50.0 | 80.0 | 10.0 | 10.0 |" in report
    assert (tmp_path / "training.png").stat().st_size > 1000


def test_of_several_seeds_the_report_has_mean_and_range(prepared, tmp_path):
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    decoded = json.loads((prepared[0] / "exp/small/test.json").read_text())
    for seed, more in (("1", 0.0), ("2", 0.01), ("5", 0.05)):
        write_results(tmp_path / seed / "small", decoded, more=more)
    report = invoke(report_ctc, tmp_path, "1 2 5", "small")
    assert "| small | 7 | 43.00 (40.00 to 45.00) |" in report
    ranged = " | ".join(["-70.00 (-100.00 to -50.00)"] * 3)
    assert f"| small - plain | drift ms | {ranged} | 0.002 0.002 0.002 |" in report
    # -5 of 50, -6 of 50 and -10 of 50 per cent.
    assert "| small - plain | PER, % of it | -14.0 (-20.0 to -10.0) |" in report
    assert "| small | 120.0 (100.0 to 150.0) |" in report
    assert "| small | 30.0 (30.0 to 30.0) | 40.0 (20.0 to 70.0) |" in report


def test_what_is_missing_is_named(tmp_path):
    command = [sys.executable, "-m", "recipes.steps.report_ctc", str(tmp_path), "1", "small"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "report_ctc.py: " in done.stderr
    assert "log.jsonl: missing; train the model first" in done.stderr
