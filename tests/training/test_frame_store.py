"""Stores of frames: what is filled comes back, and a run that was cut short goes on."""

import numpy as np
import pytest

from speechalign.errors import InputError
from speechalign.training.frame_store import FrameStore, frame_labels

RECORDINGS = [("a", 320), ("b", 481), ("c", 160)]
FACTS = {"stride": 160, "width": 3, "dtype": np.float16}


def rows(number):
    count = -(-RECORDINGS[number][1] // 160)
    return np.arange(count * 3, dtype=np.float32).reshape(count, 3) + 100 * number


def test_what_is_filled_comes_back(tmp_path):
    store = FrameStore(tmp_path / "store", RECORDINGS)
    array = store.fill("x", rows, **FACTS)
    assert array.counts.tolist() == [2, 4, 1]
    for number in range(3):
        assert np.array_equal(array[number], rows(number))
    again = FrameStore(tmp_path / "store").array("x")
    assert again.width == 3
    assert np.array_equal(again[1], rows(1))


def test_rows_too_many_are_cut_and_the_last_fills_up(tmp_path):
    store = FrameStore(tmp_path, RECORDINGS)
    array = store.fill("x", lambda number: rows(number)[:1].repeat(3, 0), **FACTS)
    assert [len(array[n]) for n in range(3)] == [2, 4, 1]
    assert np.array_equal(array[1], rows(1)[:1].repeat(4, 0))


@pytest.mark.parametrize("last", range(3))
@pytest.mark.parametrize("torn", [0, 5])
def test_a_run_that_was_cut_short_goes_on(tmp_path, last, torn):
    def failing(number):
        if number == last:
            raise KeyboardInterrupt
        return rows(number)

    store = FrameStore(tmp_path, RECORDINGS)
    with pytest.raises(KeyboardInterrupt):
        store.fill("x", failing, **FACTS)
    with (tmp_path / "x.rows").open("ab") as file:
        file.write(b"?" * torn)
    with pytest.raises(InputError, match=r"x\.rows: expected 42 bytes for 3 recordings, got"):
        store.array("x")
    made = []
    array = store.fill("x", lambda number: made.append(number) or rows(number), **FACTS)
    assert made == list(range(last, 3))
    assert all(np.array_equal(array[n], rows(n)) for n in range(3))


def test_what_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"index\.jsonl: missing; run the stage"):
        FrameStore(tmp_path)
    store = FrameStore(tmp_path, RECORDINGS)
    with pytest.raises(InputError, match=r"x\.rows: missing; run the stage"):
        store.array("x")
    store.fill("x", rows, **FACTS)
    with pytest.raises(InputError, match=r"x\.json: expected .*'width': 4"):
        store.fill("x", rows, **(FACTS | {"width": 4}))
    with pytest.raises(InputError, match="holds 3 other recordings than the 2 of this"):
        FrameStore(tmp_path, RECORDINGS[:2])


def test_a_frame_has_the_label_that_covers_most_of_it():
    labels = frame_labels([(0.014, 0.03, 2), (0.03, 0.046, 1)], 6, silence=0)
    assert labels.tolist() == [0, 2, 2, 1, 1, 0]
    assert labels.dtype == np.int16
