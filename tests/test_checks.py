"""Checks name the argument, what was wanted, what was found, and where."""

import os

import numpy as np
import pytest

from speechalign import checks
from speechalign.checks import _cpu_quota, check_jobs, check_lengths, check_log_probs, check_samples
from speechalign.errors import InputError


def refuses(check, array):
    try:
        check(array)
    except InputError:
        return True
    return False


class TestJobs:
    def test_none_is_for_the_cores_that_are_granted_not_those_that_are_there(self, monkeypatch):
        monkeypatch.setattr(checks, "_cpu_quota", lambda: None)
        monkeypatch.setattr(os, "cpu_count", lambda: 64)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7}, raising=False)
        assert check_jobs(None) == 3
        monkeypatch.delattr(os, "sched_getaffinity")
        assert check_jobs(None) == 64
        monkeypatch.setattr(checks, "_cpu_quota", lambda: 5)
        assert check_jobs(None) == 5

    def test_numbers_are_taken_as_they_are(self):
        assert check_jobs(1) == 1
        with pytest.raises(InputError, match="jobs: expected 1 or more, got 0"):
            check_jobs(0)


class TestLogProbs:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_nan_and_infinity_are_refused_and_nothing_else(self, dtype):
        values = [-np.inf, -1.0, 3.0, np.nan, np.inf]
        refused = [v for v in values if refuses(check_log_probs, np.array([[v, 0.0]], dtype))]
        assert refused == values[3:]
        assert not refuses(check_log_probs, np.zeros((0, 4), dtype))

    def test_array_of_another_kind(self):
        with pytest.raises(InputError, match=r"scores: expected shape \(T, V\), got \(3,\)"):
            check_log_probs(np.zeros(3), name="scores")
        for dtype in (np.float16, np.int64, np.complex128):
            with pytest.raises(InputError, match=f"got {np.dtype(dtype)}; convert it"):
                check_log_probs(np.zeros((2, 2), dtype))

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_first_bad_value_is_named(self, bad):
        log_probs = np.zeros((3, 3), np.float32)
        log_probs[1, 2] = log_probs[2, 0] = bad
        with pytest.raises(InputError, match=rf"log_probs\[1, 2\]: .* got {bad}; check the model"):
            check_log_probs(log_probs)


class TestLengths:
    @pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8])
    def test_integers_come_back_as_int64(self, kind):
        found = check_lengths(np.array([0, 7], kind), 2, 7, name="lengths")
        assert found.dtype == np.int64
        assert found.tolist() == [0, 7]

    def test_none_are_none(self):
        assert check_lengths(np.zeros(0, np.int64), 0, 0, name="lengths").shape == (0,)

    @pytest.mark.parametrize("bad", [-1, 8])
    def test_value_out_of_range(self, bad):
        with pytest.raises(InputError, match=rf"lengths\[1\]: .* in \[0, 7\], got {bad}"):
            check_lengths(np.array([3, bad]), 2, 7, name="lengths")

    @pytest.mark.parametrize(
        "lengths", [np.array([1.0]), np.array([[1]]), np.array(1), np.array([1, 1])]
    )
    def test_array_of_another_kind(self, lengths):
        with pytest.raises(
            InputError, match=r"lengths: expected shape \(1,\), integer, one .* got \("
        ):
            check_lengths(lengths, 1, 7, name="lengths")

    def test_a_list_is_no_array(self):
        with pytest.raises(InputError, match=r"lengths: expected an ndarray, got list .*; convert"):
            check_lengths([1], 1, 7, name="lengths")


class TestSamples:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_what_is_not_finite_is_refused_and_nothing_else(self, dtype):
        values = [0.0, -7.0, 3e38, np.nan, np.inf, -np.inf]
        refused = [v for v in values if refuses(check_samples, np.array([0.0, v], dtype))]
        assert refused == values[3:]

    def test_array_of_another_kind(self):
        for bad in (np.zeros((2, 3)), np.zeros(3, np.int16)):
            with pytest.raises(InputError, match=r"samples: expected shape \(N,\), floating; got"):
                check_samples(bad)

    def test_no_samples(self):
        with pytest.raises(InputError, match=r"a\.wav: the recording has no samples; leave it out"):
            check_samples(np.zeros(0), name="a.wav")

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_first_bad_sample_and_their_number(self, bad):
        samples = np.zeros(10)
        samples[[4, 8]] = bad
        with pytest.raises(InputError, match=rf"samples\[4\]: .* got {bad} \(2 such of 10\)"):
            check_samples(samples)


@pytest.mark.parametrize(
    ("group", "files", "cores"),
    [
        ("0::/", {"cpu.max": "150000 100000"}, 2),
        ("0::/", {"cpu.max": "max 100000"}, None),
        ("0::/", {}, None),
        ("0::/pod/job", {"pod/job/cpu.max": "max 100000", "pod/cpu.max": "400000 100000"}, 4),
        ("0::/pod/job", {"pod/job/cpu.max": "50000 100000", "pod/cpu.max": "400000 100000"}, 1),
        (
            "4:cpu,cpuacct:/docker/7\n2:memory:/docker/7",
            {"cpu/docker/7/cpu.cfs_quota_us": "300000", "cpu/docker/7/cpu.cfs_period_us": "100000"},
            3,
        ),
        ("4:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
    ],
)
def test_a_container_limits_the_cores(tmp_path, group, files, cores):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(f"{group}\n")
    for name, text in files.items():
        file = tmp_path / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")
    assert _cpu_quota(tmp_path) == cores
