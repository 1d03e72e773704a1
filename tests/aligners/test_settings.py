"""Settings: every option of an aligner shows in what is compared before a result is kept."""

import inspect

import pytest

from speechalign.aligners.aligner import Aligner
from speechalign.aligners.boundary_bias import BoundaryBias
from speechalign.models.calibration import Calibration
from speechalign.models.content import content_hash

CHANGES = {
    "calibration": Calibration("english-sphinx", 0.01, 3),
    "dictionary": ["{folder}/own.dict"],
    "phone_set": "ipa",
    "phone_names": {"AH": "uh"},
    "pause_probability": 0.2,
    "min_pause": 0.1,
    "speaker_labels": "S[0-9]+:",
    "allow": ["skips"],
    "posteriors": ["intervals"],
    "corrections": BoundaryBias("english-sphinx", overall=0.01),
}


def test_all_options_are_tried():
    # Model and language: tests/pipeline/test_resume_contract.py
    # Phones: tests/aligners/test_universal.py
    options = set(inspect.signature(Aligner).parameters)
    assert options == {*CHANGES, "model", "language", "phones"}


@pytest.mark.parametrize("option", CHANGES)
def test_options_are_part_of_the_settings(aligner, tmp_path, option):
    (tmp_path / "own.dict").write_text("tea\tK AO F IY\n")
    value = CHANGES[option]
    if option == "dictionary":
        value = [path.format(folder=tmp_path) for path in value]
    changed = Aligner(aligner.model, **{option: value}).settings()
    assert changed != Aligner(aligner.model).settings()
    assert changed == Aligner(aligner.model, **{option: value}).settings()


def test_dictionaries_of_speakers_are_part_of_the_settings(aligner, tmp_path):
    pytest.importorskip("yaml", reason="needs PyYAML")
    (tmp_path / "speakers.yaml").write_text("slt: own.dict\n")
    found = []
    for phones in ("K AO F IY", "T IY", "K AO F IY"):
        (tmp_path / "own.dict").write_text(f"tea\t{phones}\n")
        found.append(Aligner(aligner.model, dictionary=tmp_path / "speakers.yaml").settings())
    assert found[0] == found[2] != found[1]


def test_content_is_hashed_by_value(tmp_path):
    torch = pytest.importorskip("torch", reason="needs torch")
    tensor = torch.arange(6, dtype=torch.bfloat16)
    assert content_hash(tensor) == content_hash(tensor.clone())
    assert len({content_hash(t) for t in (tensor, tensor + 1, tensor.float(), tensor[None])}) == 4
    network = torch.nn.Linear(2, 1)
    before = content_hash(network)
    with torch.no_grad():
        network.bias += 1
    assert content_hash(network) != before
    (tmp_path / "weights").write_bytes(b"1")
    first = content_hash(tmp_path / "weights")
    (tmp_path / "weights").write_bytes(b"2")
    assert content_hash(tmp_path / "weights") != first
