"""Shards: parts of a corpus that together are the whole, whoever aligns them and how often."""

import errno
import json
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from speechalign.cli.main import cli
from speechalign.corpus import Utterance, read_corpus
from speechalign.errors import InputError
from speechalign.pipeline.align_corpus import align_corpus
from speechalign.pipeline.analysis import ANALYSIS, OOVS
from speechalign.pipeline.manifest import MANIFEST
from speechalign.pipeline.merge import merge
from speechalign.pipeline.shards import PARTS, Shard, ShardedRun, ended, listed, note_end
from speechalign.pipeline.status import kind_of, progress_of

RUN = ShardedRun(2, "corpus", "settings")


@pytest.fixture
def corpus(examples, tmp_path):
    """Seven recordings, one of which cannot be aligned."""
    folder = Path(shutil.copytree(examples, tmp_path / "corpus"))
    for name in ("rms/river", "slt/tea", "slt/harbour"):
        for suffix in (".flac", ".lab"):
            shutil.copy(folder / f"{name}{suffix}", folder / f"{name}-again{suffix}")
    (folder / "slt/mute.lab").write_text("Hello.")
    (folder / "slt/mute.wav").write_bytes(b"RIFF")
    return folder


def tree(folder):
    """Files of a folder with their bytes, but for what says when they were made."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and PARTS not in path.parts
    }


def run(*arguments):
    return CliRunner().invoke(cli, list(map(str, arguments)))


@pytest.mark.parametrize("count", [1, 2, 3, 16])
@pytest.mark.parametrize("by_speaker", [False, True])
def test_shards_are_disjoint_and_whole(count, by_speaker):
    utterances = [
        Utterance(f"{n}", f"recording-{n // 2}", Path("x.wav"), "hello", speaker=f"s{n % 20 // 2}")
        for n in range(200)
    ]
    shards = [
        Shard(index, count).utterances(utterances, by_speaker=by_speaker)
        for index in range(1, count + 1)
    ]
    assert Counter(u.id for shard in shards for u in shard) == Counter(u.id for u in utterances)
    what = "speaker" if by_speaker else "recording"
    homes = {(getattr(u, what), n) for n, shard in enumerate(shards) for u in shard}
    assert len(homes) == len({getattr(u, what) for u in utterances})
    if not by_speaker:
        assert max(map(len, shards)) < 2.5 * 200 / count + 5


def test_membership_never_changes():
    assert [Shard(1, 4).holds(name) for name in ("a", "Zoë", "slt/tea", "\udcff")] == [
        False, True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["0/0", "1/0", "0/4", "5/4", "4", "a/b", "1/4/2", "-1/4", "", "/"])
def test_bad_shards_are_refused(text, tmp_path):
    with pytest.raises(InputError, match="shard: expected I/N"):
        Shard.of(text)
    done = run("align", tmp_path, tmp_path / "out", "--shard", text)
    assert done.exit_code == 2
    assert "shard: expected I/N" in " ".join(done.output.split())


def test_slurm_names_the_shard():
    names = ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX")
    assert Shard.of("slurm", dict(zip(names, "003"))) == Shard(1, 4)
    assert Shard.of("slurm", dict(zip(names, "414"))) == Shard(4, 4)
    step = {"SLURM_ARRAY_TASK_STEP": "2"}
    assert Shard.of("slurm", dict(zip(names, "315")) | step) == Shard(2, 3)
    with pytest.raises(InputError, match="slurm needs SLURM_ARRAY_TASK_ID"):
        Shard.of("slurm", {})


def test_speakers_who_share_a_recording_stay_together_or_are_refused():
    both = [
        Utterance(name, "talk", Path("x.wav"), "hello", speaker=name) for name in ("Ann", "Zoë")
    ]
    assert Shard(1, 1).utterances(both) == both
    with pytest.raises(InputError, match="talk: Ann and Zoë share the recording"):
        Shard(1, 1).utterances(both, by_speaker=True)


def test_merged_shards_equal_one_run_byte_for_byte(corpus, aligner, tmp_path):
    align_corpus(corpus, aligner, tmp_path / "one", formats=("textgrid", "ctm"))
    out = tmp_path / "out"
    for index in (2, 1, 3):
        shard = Shard(index, 3)
        align_corpus(corpus, aligner, out, formats=("textgrid", "ctm"), shard=shard)
        assert not (out / MANIFEST).exists()
        again = align_corpus(corpus, aligner, out, formats=("textgrid", "ctm"), shard=shard)
        assert all(result.kept for result in again if result.words)
        assert again.others == ()  # what other shards have is in the corpus
    assert merge(out) == 7
    assert tree(out) == tree(tmp_path / "one")
    assert {MANIFEST, ANALYSIS, OOVS} < tree(out).keys()
    assert merge(out) == 7
    assert tree(out) == tree(tmp_path / "one")


@pytest.mark.usefixtures("loaded_once")
def test_status_and_merge_say_what_is_missing(corpus, aligner, tmp_path):
    out = tmp_path / "out"
    align_corpus(corpus, aligner, out, shard=Shard(2, 4))
    done = run("status", out)
    assert done.exit_code == 0
    assert "3 (1,3-4)" in done.output
    done = run("merge", out)
    assert done.exit_code == 4
    assert "3 of 4 shards are missing (1,3-4); run them" in done.output
    assert run("merge", out, "--allow-partial").exit_code == 0
    for index in (1, 3, 4):
        done = run("align", corpus, out, "--shard", f"{index}/4")
        assert done.exit_code in (0, 3, 4), done.output
        assert f"shard-{index:05d}-of-00004.jsonl" in done.output
    done = run("status", out)
    assert "missing" in done.output
    assert "1 x not a sound file" in done.output
    assert run("merge", out).exit_code == 3
    progress = progress_of(out, threshold=0.5)
    assert progress.statuses == {"aligned": 6, "failed": 1}
    assert progress.confident == 6
    seconds = {u.audio: u for u in read_corpus(corpus)}
    assert progress.hours * 3600 == pytest.approx(
        sum(sound.info.duration for u in seconds.values() if u.audio.suffix == ".flac"
            for sound in [u.sound()] if sound.close() is None)
    )  # fmt: skip
    assert progress.speed > 0


@pytest.mark.parametrize("name", ["e", "slt/tea", "a.b(c", "x7", "5", "0"])
def test_reasons_are_counted_without_names_and_numbers(name):
    reason = f"/data/{name}.wav: {name}: expected more than 0.5 s of speech, got 0.1; see {name}"
    names = (f"/data/{name}.wav", name)
    assert kind_of(reason, *names) == "expected more than N s of speech, got N"
    assert kind_of(f"the id {name} is given to others", *names) == "the id ... is given to others"
    assert kind_of(None, *names) == ""


def test_status_of_a_run_without_shards(corpus, aligner, tmp_path):
    align_corpus(corpus, aligner, tmp_path / "out")
    assert progress_of(tmp_path / "out", threshold=1.1).statuses == {"aligned": 6, "failed": 1}
    done = run("status", tmp_path / "out")
    assert "shards" not in done.output
    assert run("status", tmp_path).exit_code == 4
    assert "there are no shards" in run("merge", tmp_path).output
    assert "there are no results (alignment_manifest.jsonl" in run("status", tmp_path).output


def test_what_shards_disagree_about_is_named(tmp_path):
    RUN.agree(tmp_path)
    RUN.agree(tmp_path)
    with pytest.raises(InputError, match=r"the number of shards has changed .* 2 before, 3 now"):
        ShardedRun(3, "corpus", "settings").agree(tmp_path)
    with pytest.raises(InputError, match="the corpus has changed since the first shard"):
        ShardedRun(2, "another", "settings").agree(tmp_path)
    with pytest.raises(InputError, match="the model, or an option, has changed"):
        ShardedRun(2, "corpus", "others").agree(tmp_path)
    (tmp_path / PARTS / "run.json").write_text("{")
    with pytest.raises(InputError, match=r"run.json: damaged"):
        RUN.agree(tmp_path)


def test_a_file_system_without_hard_links_will_do(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    RUN.agree(tmp_path)
    with pytest.raises(InputError, match="the corpus has changed"):
        ShardedRun(2, "another", "settings").agree(tmp_path)
    assert [path.name for path in (tmp_path / PARTS).iterdir()] == ["run.json"]


def test_a_changed_corpus_is_refused_before_work_starts(corpus, aligner, tmp_path):
    out = tmp_path / "out"
    align_corpus(corpus, aligner, out, shard=Shard(1, 2))
    before = tree(out)
    (corpus / "slt/tea.lab").write_text("Another text.")
    with pytest.raises(InputError, match="the corpus has changed"):
        align_corpus(corpus, aligner, out, shard=Shard(2, 2))
    with pytest.raises(InputError, match="holds shards; merge them first"):
        align_corpus(corpus, aligner, out)
    assert tree(out) == before


def test_half_a_line_that_a_killed_run_left_hides_no_end(tmp_path):
    (tmp_path / PARTS).mkdir()
    note_end(tmp_path, Shard(1, 2), 1, 1)
    with (tmp_path / PARTS / "ends.jsonl").open("a") as file:
        file.write('{"shard": 2, "au')
    note_end(tmp_path, Shard(2, 2), 1, 1)
    assert ended(tmp_path) == {1, 2}


def test_a_disk_that_is_full_from_the_start_is_named(tmp_path):
    resource = pytest.importorskip("resource", reason="the system has no limits of files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            RUN.agree(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.filename == str(tmp_path / PARTS / "run.json")
    assert not list((tmp_path / PARTS).iterdir())


def test_an_id_in_two_shards_is_refused(tmp_path):
    (tmp_path / PARTS).mkdir()
    RUN.agree(tmp_path)
    line = {
        "utterance": "a", "recording": "a", "status": "failed", "reason": "no", "text": "",
        "speaker": None, "start": 0.0, "end": None, "channel": None, "audio": "a.wav",
        "model": "m", "licence": None, "settings": {}, "outputs": [], "outputs_sha256": [],
        "words": [],
    }  # fmt: skip
    for index in (1, 2):
        (tmp_path / Shard(index, 2).part).write_text(json.dumps(line) + "\n")
        note_end(tmp_path, Shard(index, 2), 0, 1)
    with pytest.raises(InputError, match=r"a is in two shards, shard-00001-of-00002.jsonl and"):
        merge(tmp_path)
    assert not (tmp_path / MANIFEST).exists()


def test_a_shard_that_was_stopped_is_not_merged(corpus, aligner, tmp_path):
    def stop(_):
        raise KeyboardInterrupt

    out = tmp_path / "out"
    align_corpus(corpus, aligner, out, shard=Shard(1, 2))
    with pytest.raises(KeyboardInterrupt):
        align_corpus(corpus, aligner, out, shard=Shard(2, 2), jobs=1, progress=stop)
    assert progress_of(out, threshold=0.5).unfinished == (Shard(2, 2),)
    assert "unfinished" in run("status", out).output
    with pytest.raises(InputError, match=r"1 of 2 shards are unfinished \(2\); run them"):
        merge(out)
    merge(out, allow_missing=True)
    align_corpus(corpus, aligner, out, shard=Shard(2, 2))
    assert merge(out) == 7


@pytest.mark.usefixtures("loaded_once")
def test_a_shard_may_be_empty(corpus, tmp_path):
    found = [
        run("align", corpus, tmp_path / "out", "--shard", f"{index}/40").exit_code
        for index in (1, 2)
    ]
    assert found == [0, 0]


def test_validate_and_find_oovs_take_a_shard(corpus):
    counts = [run("validate", corpus, "--shard", f"{index}/2").output for index in (1, 2)]
    numbers = [int(text.split("utterances")[1].split()[1]) for text in counts]
    assert sum(numbers) == 7
    words = [run("find-oovs", corpus, "--shard", f"{index}/2").output for index in (1, 2)]
    whole = run("find-oovs", corpus).output
    assert {line.split("\t")[0] for text in words for line in text.splitlines()} == {
        line.split("\t")[0] for line in whole.splitlines()
    }


def test_shards_of_segments_equal_one_run_and_are_resumed(corpus, tmp_path):
    run("segment", corpus, tmp_path / "one")
    out = tmp_path / "out"
    assert run("segment", corpus, out, "--shard", "1/2", "-v").exit_code in (0, 3)
    again = run("segment", corpus, out, "--shard", "1/2", "-v")
    assert "exists" not in again.output
    assert again.output.count("kept: ") == len(list(out.rglob("*.TextGrid")))
    done = run("status", out)
    assert "1 (2)" in done.output
    assert run("merge", out).exit_code == 4
    done = run("segment", corpus, out, "--shard", "2/2", "--min-pause", "0.3")
    assert "the model, or an option, has changed since the first shard" in done.output
    run("segment", corpus, out, "--shard", "2/2")
    assert run("merge", out).exit_code == 3
    done = run("status", out)
    assert "1 x not a sound file" in done.output
    assert "recordings" in done.output
    found = {path: content for path, content in tree(out).items() if "segment_manifest" not in path}
    assert found == tree(tmp_path / "one")


def test_shards_of_segments_may_lie_beside_the_recordings(corpus):
    for lab in corpus.rglob("*.lab"):
        lab.unlink()
    for index in (1, 2, 3):
        done = run("segment", corpus, corpus, "--shard", f"{index}/3")
        assert done.exit_code in (0, 3, 4), done.output
        assert "has changed" not in done.output
    (corpus / "slt/another.wav").write_bytes(b"RIFF")
    assert "the corpus has changed" in run("segment", corpus, corpus, "--shard", "3/3").output


def test_ranges_of_shards():
    assert listed([]) == ""
    assert listed([Shard(2, 2)]) == "2"
