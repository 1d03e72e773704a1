"""Ray: batches are aligned by actors of a cluster, each of which has loaded the model."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from typing import Any

from speechalign.checks import check_jobs
from speechalign.corpus import Utterance
from speechalign.errors import BackendError
from speechalign.pipeline.align_batch import AlignBatch
from speechalign.pipeline.align_rows import Batches
from speechalign.pipeline.processes import Death
from speechalign.pipeline.result import UtteranceResult

_AHEAD = 2
"""Batches that wait at each actor, so that it need not wait for the next."""
_TRIES = 2
_WAIT = 120
"""Seconds that Ray waits for its own server, where it takes 30 otherwise."""


class RayEngine:
    """An engine of `align_rows`: actors of a Ray cluster.

    Parameters
    ----------
    address : str or None
        Of the cluster, as ``ray.init`` takes it; None starts one on this machine, unless there is
        one already.
    actors : int or None
        How many; None for one on each core of the cluster.
    gpus_per_actor : float
        GPUs of each.

    Raises
    ------
    BackendError
        Ray is missing; when it is called, Ray does not start on this machine, or an actor does not.
    """

    def __init__(
        self,
        *,
        address: str | None = None,
        actors: int | None = None,
        gpus_per_actor: float = 0.0,
    ) -> None:
        try:
            import ray
        except ModuleNotFoundError:
            raise BackendError("this needs ray; pip install 'speechalign[ray]'") from None
        self._ray: Any = ray
        self._address, self._actors, self._gpus = address, actors, gpus_per_actor

    def __call__(
        self, align_batch: AlignBatch, batches: Batches
    ) -> Generator[tuple[Sequence[Utterance], Sequence[UtteranceResult] | Death], None, None]:
        """Yield batches with their results, as they are ready.

        A batch whose actor dies goes to another, utterance by utterance, and an utterance once
        more; Ray starts the actor again.
        """
        ray = self._ray
        if not ray.is_initialized():
            self._start()
        count = self._actors or int(ray.cluster_resources().get("CPU", 1))
        remote = ray.remote(num_cpus=1, num_gpus=self._gpus, max_restarts=-1)(_Actor)
        actors = [remote.remote(align_batch) for _ in range(count)]
        running: dict[Any, tuple[Any, Sequence[Utterance], int]] = {}
        source = iter(batches)

        def give(actor: Any, batch: Sequence[Utterance] | None, tries: int = 1) -> None:
            if batch is not None:
                running[actor.align.remote(batch)] = actor, batch, tries

        try:
            for actor in [*actors] * _AHEAD:
                give(actor, next(source, None))
            while running:
                (ready,), _ = ray.wait(list(running))
                actor, batch, tries = running.pop(ready)
                try:
                    results = ray.get(ready)
                except ray.exceptions.RayActorError as error:
                    if error.actor_init_failed:
                        raise BackendError(
                            f"an actor of Ray does not start: {str(error).splitlines()[-1]}; "
                            "install the same speechalign on all machines of the cluster"
                        ) from None
                    if len(batch) > 1:
                        for utterance in batch:
                            give(actor, [utterance])
                    elif tries < _TRIES:
                        give(actor, batch, tries + 1)
                    else:
                        yield batch, Death(1)
                    continue
                give(actor, next(source, None))
                yield batch, results
        finally:
            for actor in actors:
                ray.kill(actor)

    def _start(self) -> None:
        """Connect to a cluster, or start one on this machine; once more where that takes too long.

        Ray gives a node 30 s, which cannot be changed; a machine that is busy may need longer to
        import what its agents need, but less when it is in memory.
        """
        options: dict[str, Any] = {"logging_level": "warning", "log_to_driver": False}
        if self._address is not None or "RAY_ADDRESS" in os.environ:
            self._ray.init(address=self._address, **options)
            return
        os.environ.setdefault("RAY_gcs_server_port_wait_time_s", str(_WAIT))
        options |= {
            "num_cpus": max(check_jobs(None), self._actors or 0),
            "include_dashboard": False,
        }
        for last in (False, True):
            try:
                self._ray.init(**options)
                return
            except Exception as error:  # Ray raises its plainest.
                self._ray.shutdown()
                if last:
                    raise BackendError(
                        f"Ray does not start on this machine: {error}; start a cluster beforehand "
                        "with `ray start --head`, and give the address auto"
                    ) from None


class _Actor:
    def __init__(self, align_batch: AlignBatch) -> None:
        self._align_batch = align_batch

    def align(self, utterances: Sequence[Utterance]) -> list[UtteranceResult]:
        return self._align_batch.align(utterances)
