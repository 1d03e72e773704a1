"""Corrections: how they are found, and that no run replaces them."""

import shutil
from dataclasses import replace

import pytest

from speechalign.alignment import Alignment
from speechalign.errors import InputError
from speechalign.formats import read_alignment
from speechalign.pipeline.align_corpus import align_corpus
from speechalign.pipeline.edits import read_corrections
from speechalign.pipeline.manifest import Manifest
from speechalign.pipeline.result import Status
from speechalign.server.workspace import Conflict, Workspace


@pytest.fixture
def corpus(tmp_path, examples):
    return shutil.copytree(examples, tmp_path / "corpus")


def corrected(out, name="slt/tea", by=0.03):
    """Move the end of the second word, as the page does; return the file."""
    file = out / f"{name}.TextGrid"
    tiers = {
        n: [(i.start, i.end, i.label) for i in t] for n, t in read_alignment(file).tiers.items()
    }
    start, end, label = tiers["words"][1]
    tiers["words"][1] = (start, end - by, label)
    workspace = Workspace(out)
    workspace.save(name, workspace.show(name)["revision"], tiers)
    workspace.close()
    return file


def test_corrections_outlive_every_later_run(tmp_path, corpus, aligner):
    out = tmp_path / "out"
    align_corpus(corpus, aligner, out)
    machine = read_alignment(out / "slt/tea.TextGrid")
    file = corrected(out)
    content = file.read_bytes()

    def status(**options):
        found = {r.utterance: r for r in align_corpus(corpus, aligner, out, **options)}
        assert file.read_bytes() == content
        assert Manifest(out).read()["slt/tea"].edited is True
        assert found["slt/tea"].words[1].end == machine.tiers["words"][1].end
        return found["slt/tea"].status, found["slt/tea"].reason

    left_alone = "slt/tea.TextGrid has corrections and is left alone; remove it to align again"
    assert status()[0] is Status.KEPT
    assert status(overwrite=True) == (Status.KEPT, f"edited since it was written: {left_alone}")
    assert status(formats=["csv"])[0] is Status.KEPT
    (corpus / "slt/tea.lab").write_text("Two cups of tea.")
    found, reason = status(overwrite=True)
    assert found is Status.STALE
    assert reason == f"the transcript has changed since; {left_alone}"

    file.unlink()
    again = {r.utterance: r for r in align_corpus(corpus, aligner, out)}["slt/tea"]
    assert again.edited is False
    assert len(read_alignment(file).tiers["words"]) == 4


def test_only_what_differs_is_a_correction(tmp_path, corpus, aligner):
    out = tmp_path / "out"
    align_corpus(corpus, aligner, out)
    assert read_corrections(out) == []
    file = corrected(out)
    (found,) = read_corrections(out)
    assert found.result.utterance == "slt/tea"
    before, after = found.aligned.tiers["words"][1], found.corrected.tiers["words"][1]
    assert before.end - after.end == pytest.approx(0.03)
    assert found.corrected.tiers["phones"] == read_alignment(file).tiers["phones"]

    # Praat edits count, too; and what somebody marked as right.
    other = read_alignment(out / "rms/river.TextGrid")
    words = [replace(w, label="egret") if w.label == "heron" else w for w in other.tiers["words"]]
    Alignment({**other.tiers, "words": words}, other.duration).save(out / "rms/river.TextGrid")
    workspace = Workspace(out)
    workspace.check("slt/harbour", True)
    assert [c.result.utterance for c in read_corrections(out)] == [
        "rms/river", "slt/harbour", "slt/tea",
    ]  # fmt: skip


def test_a_file_that_changed_since_is_not_written(tmp_path, corpus, aligner):
    out = tmp_path / "out"
    align_corpus(corpus, aligner, out)
    workspace = Workspace(out)
    old = workspace.show("slt/tea")["revision"]
    content = corrected(out).read_bytes()
    with pytest.raises(Conflict, match="somebody else"):
        workspace.save("slt/tea", old, {"words": []})
    assert (out / "slt/tea.TextGrid").read_bytes() == content


def test_a_folder_without_a_manifest_has_no_corrections(tmp_path):
    with pytest.raises(InputError, match=r"found no alignment_manifest\.jsonl"):
        read_corrections(tmp_path)
