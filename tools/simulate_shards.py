"""Simulate a corpus that is aligned in shards by many workers, some of which fail or are slow.

    python tools/simulate_shards.py [--hours 100000] [--workers 1000] [--seeds 5]

Discrete events: a free worker takes the next shard; one that fails loses what it had not yet
written, and its shard goes to the end of the queue, where another worker resumes it. Prints, by the
hours of audio in a shard, the time that the corpus takes relative to the ideal (no failure, no
straggler, no start), which is the mean over seeds with the smallest and the largest; and the work
that is done twice, as a share of all. ``--no-resume`` shows what shards cost that begin anew.
"""

from __future__ import annotations

import argparse
import heapq
import random
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class Cluster:
    """What the simulation assumes.

    Parameters
    ----------
    hours : float
        Audio, hours.
    workers : int
        Workers, each of which aligns one shard at a time.
    speed : float
        Hours of audio that a worker aligns in an hour.
    failures : float
        Mean time between two failures of a worker, hours; exponentially distributed.
    back : float
        Hours until a worker that failed is there again.
    stragglers : float
        Share of workers that are ten times slower.
    start : float
        Hours from a free worker to its first result: scheduling, imports, the model.
    batch : float
        Hours of audio that are written at once: what a failure loses.
    resume : bool
        Whether a shard that failed is resumed, or begun anew.
    """

    hours: float = 100_000
    workers: int = 1000
    speed: float = 100
    failures: float = 6
    back: float = 0.1
    stragglers: float = 0.02
    start: float = 0.01
    batch: float = 0.02
    resume: bool = True

    @property
    def ideal(self) -> float:
        """Hours that it takes if nothing goes wrong and nothing costs anything."""
        return self.hours / self.workers / self.speed


def simulate(cluster: Cluster, shard: float, seed: int) -> tuple[float, float]:
    """Return the hours that all shards take, and the hours of audio that were aligned twice.

    Parameters
    ----------
    cluster : Cluster
        The workers.
    shard : float
        Hours of audio in each shard.
    seed : int
        Of failures and stragglers.
    """
    rng = random.Random(seed)
    slow = int(cluster.stragglers * cluster.workers)
    speeds = [cluster.speed * (0.1 if w < slow else 1.0) for w in range(cluster.workers)]
    count = max(1, round(cluster.hours / shard))
    queue = deque([cluster.hours / count] * count)
    whole = cluster.hours / count
    # When a worker is free; in random order at the beginning.
    free = [(0.0, rng.random(), worker) for worker in range(cluster.workers)]
    heapq.heapify(free)
    # Shards that come back to the queue, when their worker has failed.
    returned: list[tuple[float, float]] = []
    end = lost = 0.0
    while queue or returned:
        now, _, worker = heapq.heappop(free)
        if not queue and returned[0][0] > now:
            heapq.heappush(free, (returned[0][0], rng.random(), worker))
            queue.append(heapq.heappop(returned)[1])
            continue
        while returned and returned[0][0] <= now:
            queue.append(heapq.heappop(returned)[1])
        left = queue.popleft()
        needed = cluster.start + left / speeds[worker]
        failure = rng.expovariate(1 / cluster.failures)
        if failure >= needed:
            end = max(end, now + needed)
            heapq.heappush(free, (now + needed, rng.random(), worker))
            continue
        done = max(0.0, failure - cluster.start) * speeds[worker]
        kept = done - done % cluster.batch if cluster.resume else 0.0
        lost += done - kept
        remaining = left - kept if cluster.resume else whole
        heapq.heappush(returned, (now + failure, remaining))
        heapq.heappush(free, (now + failure + cluster.back, rng.random(), worker))
    return end, lost


def main() -> None:
    """Simulate shards of several sizes; print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=Cluster.hours, help="audio")
    parser.add_argument("--workers", type=int, default=Cluster.workers)
    parser.add_argument("--speed", type=float, default=Cluster.speed, help="x real time, a worker")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--no-resume", action="store_true", help="begin failed shards anew")
    options = parser.parse_args()
    cluster = Cluster(options.hours, options.workers, options.speed, resume=not options.no_resume)
    print(f"{cluster}\nideal: {cluster.ideal:.2f} h\n")
    print("| hours in a shard | shards | time / ideal (range) | done twice |\n|---|---|---|---|")
    for shard in (0.5, 1, 2, 5, 10, 20, 50, 100):
        found = [simulate(cluster, shard, seed) for seed in range(options.seeds)]
        times = [time / cluster.ideal for time, _ in found]
        mean, low, high = sum(times) / len(times), min(times), max(times)
        lost = sum(lost for _, lost in found) / len(found) / cluster.hours
        count = round(cluster.hours / shard)
        print(f"| {shard:g} | {count} | {mean:.2f} ({low:.2f} to {high:.2f}) | {lost:.2%} |")


if __name__ == "__main__":
    main()
