"""Ray: batches are aligned by actors of a cluster, each of which has loaded the model."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from speechalign.corpus import Utterance
from speechalign.errors import BackendError
from speechalign.pipeline.align_batch import AlignBatch
from speechalign.pipeline.align_rows import Batches
from speechalign.pipeline.processes import Death
from speechalign.pipeline.result import UtteranceResult

_AHEAD = 2
"""Batches that wait at each actor, so that it need not wait for the next."""
_TRIES = 2


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
        Ray is missing.
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
            ray.init(address=self._address, logging_level="warning", log_to_driver=False)
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
                except ray.exceptions.RayActorError:
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


class _Actor:
    def __init__(self, align_batch: AlignBatch) -> None:
        self._align_batch = align_batch

    def align(self, utterances: Sequence[Utterance]) -> list[UtteranceResult]:
        return self._align_batch.align(utterances)
