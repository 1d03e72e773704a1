"""Tables and archives: every kind gives the same words, and whatever happens, no row is lost."""

import gzip
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tracemalloc
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from click.testing import CliRunner

from speechalign import AlignBatch
from speechalign.cli.main import cli
from speechalign.corpus import Utterance
from speechalign.errors import BackendError, FormatError, InputError
from speechalign.pipeline.align_rows import _unique as unique
from speechalign.pipeline.align_rows import align_rows
from speechalign.pipeline.manifest import MANIFEST, Manifest
from speechalign.pipeline.merge import merge
from speechalign.pipeline.shards import PARTS, Shard
from speechalign.pipeline.sources import SOURCES, read_rows


@pytest.fixture(scope="module")
def rows(examples):
    """Rows of the examples, each twice, with their sound."""
    found = []
    for again in range(2):
        for lab in sorted(examples.rglob("*.lab")):
            sound = lab.with_suffix(".flac")
            text = lab.read_text(encoding="utf-8").strip()
            found.append({"id": f"{lab.stem}-{again}", "text": text, "audio": sound,
                          "speaker": lab.parent.name})  # fmt: skip
    return found


@pytest.fixture(autouse=True)
def _forked(monkeypatch):
    """Share memory, although other tests have loaded torch: this model does without."""
    monkeypatch.setattr("speechalign.pipeline.align_rows.may_share_memory", lambda: True)


@pytest.fixture(scope="module")
def batch(aligner):
    return AlignBatch(aligner)


def jsonl(rows, path):
    lines = [
        {
            "audio_filepath": os.path.relpath(r["audio"], path),
            **{k: r[k] for k in ("id", "text", "speaker")},
        }
        for r in rows
    ]
    file = path / "rows.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


def parquet(rows, path):
    pa = pytest.importorskip("pyarrow", reason="needs pyarrow")
    from pyarrow.parquet import write_table

    content = [r | {"audio": r["audio"].read_bytes()} for r in rows]
    for number in range(2):
        write_table(pa.Table.from_pylist(content[number::2]), path / f"{number}.parquet")
    return path


def dataset(rows, path):
    datasets = pytest.importorskip("datasets", reason="needs datasets")
    datasets.disable_progress_bars()
    table = datasets.Dataset.from_list([r | {"audio": str(r["audio"])} for r in rows])
    table = table.cast_column("audio", datasets.Audio(decode=False))
    table.save_to_disk(str(path / "table"))
    return path / "table"


def shar(rows, path):
    lhotse = pytest.importorskip("lhotse", reason="needs lhotse")
    cuts = []
    for row in rows:
        cut = lhotse.Recording.from_file(row["audio"], recording_id=row["id"]).to_cut()
        cut.supervisions.append(
            lhotse.SupervisionSegment(row["id"], row["id"], 0, cut.duration, text=row["text"])
        )
        cuts.append(cut)
    lhotse.CutSet.from_cuts(cuts).to_shar(path, fields={"recording": "flac"}, shard_size=4)
    return path


def cuts(rows, path):
    lines = []
    for row in rows:
        recording = {"id": row["id"], "duration": 9.0, "sources": [
            {"type": "file", "channels": [0], "source": str(row["audio"])}]}  # fmt: skip
        said = {"id": row["id"], "start": 0.0, "duration": 9.0, "text": row["text"]}
        lines.append({"id": row["id"], "type": "MonoCut", "start": 0, "duration": 9.0, "channel": 0,
                      "recording": recording, "supervisions": [said]})  # fmt: skip
    file = path / "cuts.jsonl.gz"
    with gzip.open(file, "wt") as sink:
        sink.writelines(json.dumps(line) + "\n" for line in lines)
    return file


def add(archive, name, content):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def webdataset(rows, path):
    for number in range(2):
        with tarfile.open(path / f"{number}.tar", "w") as archive:
            for place, row in enumerate(rows[number::2]):
                add(archive, f"{row['id']}.flac", row["audio"].read_bytes())
                if place % 2:
                    add(archive, f"{row['id']}.txt", row["text"].encode())
                else:
                    plain = json.dumps({"text": row["text"], "speaker": row["speaker"]})
                    add(archive, f"{row['id']}.json", plain.encode())
    return path


def nemo(rows, path):
    lines = []
    for number in range(2):
        with tarfile.open(path / f"audio_{number}.tar", "w") as archive:
            for row in rows[number::2]:
                add(archive, f"{row['id']}.flac", row["audio"].read_bytes())
                lines.append(
                    {"audio_filepath": f"{row['id']}.flac", "text": row["text"], "shard_id": number}
                )
    (path / "tarred_audio_manifest.json").write_text("".join(json.dumps(x) + "\n" for x in lines))
    return path


KINDS = {"jsonl": jsonl, "parquet": parquet, "dataset": dataset, "shar": shar,
         "lhotse": cuts, "webdataset": webdataset, "nemo": nemo}  # fmt: skip


def words(folder, name=MANIFEST):
    """Words of each utterance with a result, by its id."""
    return {
        result.utterance: [(w.label, w.start, w.end, w.confidence) for w in result]
        for _, result in Manifest(folder, name).lines()
    }


@pytest.fixture(scope="module")
def times(aligner, rows):
    alone = {
        sound: [(w.label, w.start, w.end, w.confidence) for w in aligner.align(sound, text)]
        for sound, text in {(r["audio"], r["text"]) for r in rows}
    }
    return {row["id"]: alone[row["audio"]] for row in rows}


def test_every_source_is_tested():
    assert set(KINDS) - {"nemo", "shar"} == set(SOURCES)


# datasets leaves its tables open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_storage_gives_the_same_words(kind, rows, batch, times, tmp_path):
    (tmp_path / "in").mkdir()
    source = KINDS[kind](rows, tmp_path / "in")
    counts = align_rows(source, batch, tmp_path / "out", jobs=1)
    assert counts == {"aligned": len(rows)}
    assert words(tmp_path / "out") == times


def test_paths_in_parquet_are_from_the_folder_of_the_file(rows, batch, times, tmp_path):
    pa = pytest.importorskip("pyarrow", reason="needs pyarrow")
    from pyarrow.parquet import write_table

    shutil.copy(rows[0]["audio"], tmp_path)
    table = {"sentence": [rows[0]["text"]], "audio": [rows[0]["audio"].name]}
    write_table(pa.table(table), tmp_path / "a.parquet")
    with pytest.raises(
        InputError, match=r"expected a column 'text', got 'sentence', 'audio'; .*text=NAME"
    ):
        align_rows(tmp_path / "a.parquet", batch, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    align_rows(tmp_path / "a.parquet", batch, tmp_path / "out", columns={"text": "sentence"})
    assert words(tmp_path / "out") == {"a-00000000": times[rows[0]["id"]]}


def whole(folder):
    return (folder / MANIFEST).read_bytes()


def test_shards_merged_equal_one_run(rows, batch, tmp_path):
    source = jsonl(rows, tmp_path)
    align_rows(source, batch, tmp_path / "one", jobs=2)
    for index in range(1, 5):
        align_rows(source, batch, tmp_path / "four", shard=Shard(index, 4), jobs=1)
    merge(tmp_path / "four")
    assert whole(tmp_path / "four") == whole(tmp_path / "one")
    with pytest.raises(InputError, match="the number of shards has changed"):
        align_rows(source, batch, tmp_path / "four", shard=Shard(1, 3))
    with pytest.raises(InputError, match="the model, or an option, has changed"):
        align_rows(source, AlignBatch("english-gmm"), tmp_path / "four", shard=Shard(1, 4))
    with source.open("a") as file:
        file.write("\n")
    with pytest.raises(InputError, match="the corpus has changed"):
        align_rows(source, batch, tmp_path / "four", shard=Shard(1, 4))


def test_a_parquet_table_has_what_the_manifest_has(rows, batch, times, tmp_path):
    pytest.importorskip("pyarrow", reason="needs pyarrow")
    from pyarrow.parquet import read_table

    source = jsonl([*rows, rows[0] | {"id": "lost", "audio": tmp_path / "lost.wav"}], tmp_path)
    align_rows(source, batch, tmp_path / "out", table=True)
    table = read_table(tmp_path / "out/alignments").to_pylist()
    assert {
        row["utterance"]: [tuple(w.values()) for w in row["words"]] for row in table
    } == times | {"lost": []}
    (lost,) = (row for row in table if row["status"] == "failed")
    assert "there is no such file" in lost["reason"]
    for row in table:
        assert row in (lost,) or row["phones"][0]["start"] == row["words"][0]["start"]


def test_what_is_done_is_not_done_again(rows, batch, tmp_path):
    source = jsonl(rows, tmp_path)
    calls = []

    def engine(align_batch, batches):
        for some in batches:
            calls.extend(utterance.id for utterance in some)
            yield some, align_batch.align(some)

    assert align_rows(source, batch, tmp_path / "out", engine=engine) == {"aligned": 6}
    before = whole(tmp_path / "out")
    assert align_rows(source, batch, tmp_path / "out", engine=engine) == {"aligned": 6}
    assert calls == [row["id"] for row in rows]
    assert whole(tmp_path / "out") == before


def test_two_runs_of_one_shard_do_no_harm(rows, batch, tmp_path, monkeypatch):
    source = jsonl(rows, tmp_path)
    monkeypatch.setattr("speechalign.pipeline.align_rows._BATCH", 1)
    both = Barrier(2)

    def engine(align_batch, batches):
        for some in batches:
            both.wait(60)  # Each utterance is aligned by both at the same time.
            yield some, align_batch.align(some)

    def run(_):
        return align_rows(source, batch, tmp_path / "out", shard=Shard(1, 1), engine=engine)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(run, range(2))) == [{"aligned": 6}] * 2
    part = tmp_path / "out" / Shard(1, 1).part
    assert part.read_bytes().count(b"\n") == 12
    assert merge(tmp_path / "out") == 6
    align_rows(source, batch, tmp_path / "one", jobs=1)
    assert whole(tmp_path / "out") == whole(tmp_path / "one")


def test_rows_that_cannot_be_used_are_named(rows, batch, times, tmp_path):
    source = jsonl([rows[0], rows[1] | {"id": rows[0]["id"]}, rows[2] | {"text": ""}], tmp_path)
    with source.open("a") as file:
        file.write("{no json\n")
    assert align_rows(source, batch, tmp_path / "out") == {"aligned": 1, "failed": 3}
    found = {r.utterance: r for _, r in Manifest(tmp_path / "out").lines()}
    first = rows[0]["id"]
    assert words(tmp_path / "out")[first] == times[first]
    assert "is given to another row before" in found[f"{first} (again, 1)"].reason
    assert "transcript is empty" in found[rows[2]["id"]].reason
    assert "not JSON" in found["rows.jsonl:4"].reason
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(InputError, match="there are no rows"):
        align_rows(tmp_path / "empty.jsonl", batch, tmp_path / "other")
    with pytest.raises(InputError, match="there is no such file"):
        align_rows(tmp_path / "nowhere.jsonl", batch, tmp_path / "other")
    with pytest.raises(InputError, match="has NeMo's keys; leave them out"):
        align_rows(source, batch, tmp_path / "other", columns={"text": "sentence"})


# --- faults


def test_a_damaged_archive_costs_what_comes_after_the_damage(rows, batch, times, tmp_path):
    webdataset(rows, tmp_path)
    content = (tmp_path / "0.tar").read_bytes()
    (tmp_path / "0.tar").write_bytes(content[: len(content) // 2])
    counts = align_rows(tmp_path, batch, tmp_path.with_name(f"{tmp_path.name}-out"))
    found = words(tmp_path.with_name(f"{tmp_path.name}-out"))
    assert counts["failed"] == 1
    (lost,) = (name for name in found if not found[name])
    assert lost.startswith("0.tar:")
    assert {name: own for name, own in found.items() if own}.items() <= times.items()
    assert len(found) >= 4


def test_shar_costs_what_is_damaged_and_no_more(rows, times, tmp_path):
    shar(rows, tmp_path)
    first, second = sorted(tmp_path.glob("recording.*.tar"))
    first.write_bytes(first.read_bytes()[:100_000])
    second.unlink()
    found = {u.id: u.problem for u in read_rows(tmp_path)}
    assert list(found) == list(times)
    problems = list(found.values())
    assert problems[0] is None
    assert all("damaged after" in problem for problem in problems[1:4])
    assert all("there is no archive of its recordings" in problem for problem in problems[4:])


@pytest.mark.parametrize("kind", KINDS)
def test_indices_beside_the_files_are_passed_over(kind, rows, tmp_path):
    """Those of lhotse, NeMo and WebDataset are binary, and are called as the file is, and .idx."""
    source = KINDS[kind](rows, tmp_path)
    for path in list(tmp_path.rglob("*")):
        if path.is_file():
            path.with_name(f"{path.name}.idx").write_bytes(bytes(range(256)))
            path.with_name(f"{path.name.removesuffix('.gz')}.idx").write_bytes(bytes(256))
    found = list(read_rows(source))
    assert len(found) == len(rows)
    assert not any(utterance.problem for utterance in found)


@pytest.mark.parametrize("kind", ["jsonl", "lhotse", "shar"])
def test_a_damaged_gzip_file_costs_what_comes_after_the_damage(kind, rows, tmp_path):
    # Noise, so that much of the file is readable before the damage.
    noisy = [row | {"text": " ".join(os.urandom(3000).hex())} for row in rows]
    source = KINDS[kind](noisy, tmp_path)
    if kind == "jsonl":
        source = tmp_path / "rows.jsonl.gz"
        source.write_bytes(gzip.compress((tmp_path / "rows.jsonl").read_bytes()))
    (file, *_) = [source] if source.is_file() else sorted(source.glob("cuts.*.gz"))
    content = file.read_bytes()
    file.write_bytes(content[: len(content) * 2 // 3])
    found = list(read_rows(source))
    lost = [u.problem for u in found if u.problem]
    assert len(lost) == 1
    assert f"{file.name}: cannot be decompressed: " in lost[0]
    intact = {"jsonl": 3, "lhotse": 3, "shar": 4}[kind]
    assert len(found) - 1 >= intact
    file.write_bytes(b"{}")
    if kind == "shar":
        assert len([u for u in read_rows(source) if u.problem]) == 1
    else:
        with pytest.raises(FormatError, match="cannot be decompressed: Not a gzipped file"):
            list(read_rows(source))


def test_a_damaged_archive_or_manifest_of_nemo(rows, tmp_path):
    nemo(rows, tmp_path)
    with (tmp_path / "tarred_audio_manifest.json").open("a") as file:
        file.write('{no json\n{"text": "a"}\n')
    archive = tmp_path / "audio_0.tar"
    archive.write_bytes(archive.read_bytes()[:150_000])
    problems = {u.id: u.problem for u in read_rows(tmp_path) if u.problem}
    assert "not JSON" in problems.pop("tarred_audio_manifest.json:7")
    assert "expected the name of a member, got None" in problems.pop("tarred_audio_manifest.json:8")
    assert problems.keys() < {row["id"] for row in rows[0::2]}
    assert problems
    assert all("audio_0.tar: damaged after" in problem for problem in problems.values())


def test_rows_are_read_one_by_one(rows, tmp_path):
    (tmp_path / "cuts").mkdir()
    for kind, source in (("jsonl", jsonl(rows, tmp_path)), ("cuts", cuts(rows, tmp_path / "cuts"))):
        if kind == "jsonl":
            source.write_text(source.read_text() * 2000)
        else:
            source.write_bytes(gzip.compress(gzip.decompress(source.read_bytes()) * 2000))
        next(read_rows(source))  # Imports what it needs.
        tracemalloc.start()
        count = sum(1 for _ in read_rows(source))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == 2000 * len(rows)
        assert peak < 500_000, kind  # The file has more than a million characters.


def test_a_shard_does_not_remember_the_ids_of_others(tmp_path):
    utterances = (Utterance(f"u{n}", f"u{n}", tmp_path, "a") for n in range(50_000))
    tracemalloc.start()
    count = sum(1 for _ in unique(utterances, Shard(7, 1000)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 20 < count < 100
    assert peak < 100_000


@pytest.mark.parametrize("same", [True, False])
def test_an_id_is_given_once_whatever_the_shards(same, tmp_path):
    """Recordings are in any shard; the second row of an id is the second in all of them."""
    given = [
        Utterance(f"u{n % 30}", f"u{n % 30}" if same else f"recording-{n}", tmp_path, "a")
        for n in range(90)
    ]
    once = {(u.id, u.problem is None) for u in unique(given, Shard(1, 1))}
    assert len(once) == 90
    shards = [unique(given, Shard(index, 7)) for index in range(1, 8)]
    assert sorted((u.id, u.problem is None) for shard in shards for u in shard) == sorted(once)


def test_a_member_that_a_manifest_names_may_be_missing(rows, tmp_path):
    nemo(rows[:2], tmp_path)
    with (tmp_path / "tarred_audio_manifest.json").open("a") as file:
        file.write(json.dumps({"audio_filepath": "lost.flac", "text": "a", "shard_id": 1}) + "\n")
    found = {u.id: u.problem for u in read_rows(tmp_path)}
    assert "has no member lost.flac" in found.pop("lost")
    assert set(found.values()) == {None}


def test_a_process_that_dies_costs_its_row(rows, batch, times, tmp_path, monkeypatch):
    align = type(batch).align

    def fragile(self, utterances):
        if any(utterance.id == rows[3]["id"] for utterance in utterances):
            os.kill(os.getpid(), signal.SIGKILL)
        return align(self, utterances)

    monkeypatch.setattr(type(batch), "align", fragile)
    counts = align_rows(jsonl(rows, tmp_path), batch, tmp_path / "out", jobs=2)
    assert counts == {"aligned": 5, "failed": 1}
    found = words(tmp_path / "out")
    assert found.pop(rows[3]["id"]) == []
    assert found == {name: own for name, own in times.items() if name != rows[3]["id"]}
    monkeypatch.setattr(type(batch), "align", align)
    assert align_rows(tmp_path / "rows.jsonl", batch, tmp_path / "out", jobs=2) == {"aligned": 6}
    assert words(tmp_path / "out") == times


def test_a_full_disk_stops_the_run_which_can_be_resumed(rows, batch, times, tmp_path, monkeypatch):
    resource = pytest.importorskip("resource", reason="the system has no limits of files")
    source = jsonl(rows, tmp_path)
    monkeypatch.setattr("speechalign.pipeline.align_rows._BATCH", 2)
    part = tmp_path / "out" / Shard(1, 1).part
    writing = Manifest.writing
    calls = []
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def full(self, now=()):
        calls.append(now)
        if len(calls) == 2:
            limit = part.stat().st_size + 100
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        return writing(self, now)

    with monkeypatch.context() as patch:
        patch.setattr(Manifest, "writing", full)
        try:
            done = CliRunner().invoke(cli, ["align-rows", str(source), str(tmp_path / "out")])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert done.exit_code == 4, done.output
    assert f"{part}: File too large" in done.output
    assert not part.read_bytes().endswith(b"\n")
    assert align_rows(source, batch, tmp_path / "out") == {"aligned": 6}
    assert words(tmp_path / "out") == times


PROGRAM = """
import os, sys
from pathlib import Path
from speechalign import AlignBatch
from speechalign.pipeline import align_rows as module
module._BATCH = 1
seen = []
def kill(results):
    seen.append(results)
    if len(seen) == int(sys.argv[3]):
        os.kill(os.getpid(), 9)
module.align_rows(sys.argv[1], AlignBatch(), sys.argv[2], jobs=2, progress=kill)
"""


def test_a_run_that_is_killed_again_and_again_is_oncein_the_end(rows, batch, times, tmp_path):
    source = jsonl(rows, tmp_path)
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", PROGRAM, source, tmp_path / "out", "2"])
        assert done.returncode == -signal.SIGKILL
        (part,) = (tmp_path / "out" / PARTS).glob("shard-*.jsonl")
        with part.open("a") as file:
            file.write('{"utterance": "half a li')
    align_rows(source, batch, tmp_path / "out", jobs=2)
    align_rows(source, batch, tmp_path / "once", jobs=1)
    assert whole(tmp_path / "out") == whole(tmp_path / "once")
    names = [r.utterance for _, r in Manifest(tmp_path / "out", Shard(1, 1).part).lines()]
    assert Counter(names) == Counter(list(times))


@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")  # Ray Data warns of itself.
def test_ray_gives_what_one_machine_gives(rows, batch, times, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray", reason="needs ray")
    from speechalign.pipeline.ray_engine import RayEngine

    source = jsonl(rows, tmp_path)
    align_rows(source, batch, tmp_path / "one", jobs=1)
    start, starts = ray.init, []

    def slow(**options):
        starts.append(options)
        if len(starts) == 1:
            raise Exception("The current node timed out during startup.")
        return start(**options)

    monkeypatch.setattr(ray, "init", slow)
    try:
        align_rows(source, AlignBatch(), tmp_path / "ray", engine=RayEngine(actors=2))
        mapped = (
            ray.data.from_items([row | {"audio": str(row["audio"])} for row in rows])
            .map_batches(AlignBatch, batch_size=3, compute=ray.data.ActorPoolStrategy(size=1))
            .take_all()
        )
    except BackendError as error:  # Its own time limits, on a machine that is busy.
        pytest.skip(f"Ray does not start here: {error}")
    finally:
        ray.shutdown()
    assert len(starts) == 2
    assert whole(tmp_path / "ray") == whole(tmp_path / "one")
    assert {row["id"]: [tuple(w.values()) for w in row["words"]] for row in mapped} == times


def test_a_ray_that_does_not_start_is_named(rows, batch, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray", reason="needs ray")
    from speechalign.pipeline.ray_engine import RayEngine

    def fail(**_):
        raise Exception("The current node timed out during startup.")

    monkeypatch.setattr(ray, "init", fail)
    with pytest.raises(BackendError, match=r"does not start .*node timed out .*`ray start --head`"):
        align_rows(jsonl(rows, tmp_path), batch, tmp_path / "out", engine=RayEngine(actors=2))


# --- the command


@pytest.mark.usefixtures("loaded_once")
def test_the_command_on_real_speech(rows, times, tmp_path):
    source = jsonl([*rows, rows[0] | {"id": "lost", "audio": tmp_path / "lost.wav"}], tmp_path)
    done = CliRunner().invoke(cli, ["align-rows", str(source), str(tmp_path / "out"), "-j", "2"])
    assert done.exit_code == 3, done.output
    assert "failed: lost: " in done.output
    assert f"accounted for in {tmp_path / 'out' / MANIFEST}" in done.output
    assert words(tmp_path / "out") == times | {"lost": []}
    done = CliRunner().invoke(
        cli, ["align-rows", str(source), str(tmp_path / "out"), "--allow-partial"]
    )
    assert done.exit_code == 0
    for arguments in (["--column", "text"], ["--address", "auto"]):
        done = CliRunner().invoke(cli, ["align-rows", str(source), str(tmp_path), *arguments])
        assert done.exit_code == 2


def test_a_loaded_model_that_cannot_be_sent_is_refused(rows, batch, tmp_path, monkeypatch):
    monkeypatch.setattr("speechalign.pipeline.align_rows.may_share_memory", lambda: False)
    source = jsonl(rows[:1], tmp_path)
    with pytest.raises(InputError, match="a loaded model cannot be sent to other processes"):
        align_rows(source, batch, tmp_path / "out", jobs=2)
    assert align_rows(source, batch, tmp_path / "out", jobs=1) == {"aligned": 1}
