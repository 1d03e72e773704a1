"""Work in processes: all results come, whichever process dies; and none is left over."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from speechalign.pipeline.processes import Death, map_in_processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux")
ONES = [[number] for number in range(20)]


def double(items):
    return [2 * item for item in items]


def kill_me(code=signal.SIGKILL):
    os.kill(os.getpid(), code)


def is_alive(process):
    """Whether a process runs: one that nobody has waited for yet does not."""
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def results_of(function, batches, jobs=2, shared=True):
    """Result of each item."""
    found = {}
    for items, results in map_in_processes(function, batches, jobs=jobs, shared=shared):
        if isinstance(results, Death):
            assert len(items) == 1
            results = [str(results)]
        assert not found.keys() & set(items)
        found.update(zip(items, results, strict=True))
    assert not multiprocessing.active_children()
    return found


@pytest.mark.parametrize("jobs", [1, 2, 30])
@pytest.mark.parametrize("batches", [ONES, [[1, 2, 3], [4], [5, 6]], [[1]], []])
def test_every_item_has_its_result(batches, jobs):
    wanted = {item: 2 * item for batch in batches for item in batch}
    assert results_of(double, batches, jobs) == wanted


def test_processes_may_start_anew():
    assert results_of(double, ONES[:3], shared=False) == {0: 0, 1: 2, 2: 4}


def threads(items):
    import numpy  # noqa: F401  # It brings the library, also to a process that starts anew.

    return [[pool["num_threads"] for pool in threadpool_info()] for _ in items]


@pytest.mark.parametrize("shared", [True, False])
def test_each_process_has_one_thread_of_linear_algebra(shared):
    with threadpool_limits(3):
        assert 3 in threads([1])[0]
        found = results_of(threads, [[1]], shared=shared)
    assert set(found[1]) == {1}


def test_batches_are_drawn_as_processes_are_free():
    drawn = []

    def batches():
        for number in range(100):
            drawn.append(number)
            yield [number]

    with closing(map_in_processes(double, batches(), jobs=2, shared=True)) as found:
        for done, _ in enumerate(found):
            assert len(drawn) <= done + 4
            if done == 10:
                break
    assert not multiprocessing.active_children()


def test_a_death_costs_one_item_which_is_tried_once_more(tmp_path):
    def fragile(items):
        for item in items:
            if item == 5:
                with open(tmp_path / "tries", "a") as file:
                    file.write("x")
                kill_me()
        return double(items)

    found = results_of(fragile, [[1, 2, 3], [4, 5, 6], [7, 8]])
    reason = found.pop(5)
    assert found == {item: 2 * item for item in (1, 2, 3, 4, 6, 7, 8)}
    assert "was ended by SIGKILL, as the system does when memory runs out, twice" in reason
    assert (tmp_path / "tries").read_text() == "xxx"  # In its batch, alone, and once more.


def test_what_was_killed_by_chance_is_aligned(tmp_path):
    def fragile(items):
        try:
            (tmp_path / str(items[0])).touch(exist_ok=False)
        except FileExistsError:
            return double(items)
        os._exit(7)

    assert results_of(fragile, ONES, jobs=3) == {n: 2 * n for n in range(20)}
    assert "ended with status 7, twice" in str(Death(7))


def test_processes_that_are_killed_from_outside_lose_nothing():
    def slow(items):
        time.sleep(0.01)
        return double(items)

    found = {}
    for items, results in map_in_processes(slow, ONES, jobs=2, shared=True):
        found.update(zip(items, results, strict=True))
        if len(found) == 3:
            for child in multiprocessing.active_children():
                child.kill()
    assert found == {n: 2 * n for n in range(20)}


def test_an_exception_ends_the_work():
    def failing(items):
        if items[0] == 3:
            raise ValueError("no such thing")
        return items

    with pytest.raises(ValueError, match="no such thing"):
        results_of(failing, ONES)
    assert not multiprocessing.active_children()


def test_what_a_process_has_begun_is_done_to_its_end(tmp_path):
    stopped = threading.Event()

    def careful(items):
        for item in items:
            if stopped.is_set():
                break
            (tmp_path / f"{item}.begun").touch()
            while item > 0 and not stopped.is_set():
                time.sleep(0.01)
            (tmp_path / f"{item}.done").touch()
        return items

    batches = [[0], [1, 2], [3, 4], [5, 6]]
    with closing(
        map_in_processes(careful, batches, jobs=2, shared=True, stop=stopped.set)
    ) as found:
        assert next(found) == ([0], [0])
        while len(list(tmp_path.glob("*.begun"))) < 3:
            time.sleep(0.01)
    assert not multiprocessing.active_children()
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{item}.{what}" for item in (0, 1, 3) for what in ("begun", "done")
    }
    assert not stopped.is_set()


def test_processes_end_with_the_one_that_started_them():
    program = """
import os, time
from speechalign.pipeline.processes import map_in_processes
def show(items):
    print(os.getpid(), flush=True)
    time.sleep(0.05)
    return items
for items, _ in map_in_processes(show, ([n] for n in range(4)), jobs=3, shared=True):
    if items == [3]:
        os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL
    children = set(map(int, done.stdout.split()))
    assert len(children) >= 2
    deadline = time.monotonic() + 60
    while alive := set(filter(is_alive, children)):
        assert time.monotonic() < deadline, alive
        time.sleep(0.01)
