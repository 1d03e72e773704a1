"""The simulation of shards: without faults it is the ideal, and no audio is lost to faults."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from simulate_shards import Cluster, simulate

SURE = Cluster(hours=1000, workers=10, failures=1e12, stragglers=0.0, start=0.0)


def test_without_faults_it_takes_the_ideal_time():
    assert simulate(SURE, 1, seed=0) == (pytest.approx(SURE.ideal), 0.0)


def test_every_start_of_a_shard_costs_its_time():
    time, _ = simulate(replace(SURE, start=0.01), 10, seed=0)
    assert time == pytest.approx(SURE.ideal + 10 * 0.01)


def test_a_straggler_is_waited_for():
    time, _ = simulate(replace(SURE, stragglers=0.1), 100, seed=0)
    assert time == pytest.approx(10 * SURE.ideal)


def test_failures_cost_what_was_not_written():
    fragile = replace(SURE, failures=0.5)
    for seed in range(3):
        resumed, lost = simulate(fragile, 20, seed)
        anew, lost_anew = simulate(replace(fragile, resume=False), 20, seed)
        assert resumed > SURE.ideal
        assert 0 < lost < lost_anew
        assert anew > SURE.ideal
