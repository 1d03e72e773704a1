"""Work in processes: one that dies costs the item it worked on, which is tried once more."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from multiprocessing.context import ForkContext, ForkProcess, SpawnContext, SpawnProcess

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Death:
    """Error of an item over which two processes died.

    Parameters
    ----------
    exit_code : int
        Its exit status; negative, the number of the signal that ended it.
    """

    exit_code: int

    def __str__(self) -> str:
        how = f"ended with status {self.exit_code}"
        if self.exit_code < 0:
            how = f"was ended by {signal.Signals(-self.exit_code).name}"
        hint = ", as the system does when memory runs out" * (self.exit_code == -signal.SIGKILL)
        return f"the process that aligned it {how}{hint}, twice; align it alone, or leave it out"


@dataclass
class _Task(Generic[_Item]):
    items: Sequence[_Item]
    tries: int = 0


@dataclass
class _Worker(Generic[_Item]):
    process: ForkProcess | SpawnProcess
    connection: Connection
    task: _Task[_Item] | None = field(default=None)


@dataclass(frozen=True)
class _Told:
    """What `tell` sends, among the results."""

    what: object


_to_starter: Connection | None = None


def tell(what: object) -> None:
    """From a process of `map_in_processes`, hand something to ``hear`` of the one it works for."""
    if _to_starter is not None:
        _to_starter.send(_Told(what))


def may_share_memory() -> bool:
    """Tell whether a copy of this process, made by fork, can work: nothing here has threads."""
    return sys.platform == "linux" and not sys.modules.keys() & {"torch", "onnxruntime"}


def map_in_processes(
    function: Callable[[Sequence[_Item]], Sequence[_Result]],
    batches: Iterable[Sequence[_Item]],
    *,
    jobs: int,
    shared: bool,
    stop: Callable[[], None] | None = None,
    hear: Callable[[Any], None] | None = None,
) -> Generator[tuple[Sequence[_Item], Sequence[_Result] | Death], None, None]:
    """Map batches of items in processes; yield each batch with its results, the first ready first.

    Parameters
    ----------
    function : callable
        From a batch to one result for each item. What it raises is raised here.
    batches : Iterable[Sequence]
        Drawn one by one, as processes are free.
    jobs : int
        Number of processes. Each uses one thread for linear algebra.
    shared : bool
        Whether processes are copies of this one as it is now, which share its memory and start at
        once, as `may_share_memory` allows. Otherwise ``function`` is pickled, and each starts anew.
    stop : callable, optional
        Called in a process that is to end while ``function`` works there, which then comes to an
        end soon, and leaves nothing half done. Without it, the process is killed.
    hear : callable, optional
        Called here with what ``function`` gives to `tell` while it works.

    Yields
    ------
    tuple
        The batch and its results. A batch over which a process dies is divided into its items;
        for an item over which a process dies again, the results are a `Death`.

    Notes
    -----
    Left off early, the processes are ended. If this process dies, they end by themselves.
    """
    context: ForkContext | SpawnContext
    context = (
        multiprocessing.get_context("fork") if shared else multiprocessing.get_context("spawn")
    )
    source = iter(batches)
    again: deque[_Task[_Item]] = deque()
    workers: list[_Worker[_Item]] = []

    def start() -> _Worker[_Item]:
        ours, theirs = context.Pipe()
        # A forked process inherits our ends of the pipes of all others, which would never close.
        inherited = [ours, *(worker.connection for worker in workers)] if shared else []
        process = context.Process(
            target=_serve, args=(function, theirs, inherited, stop), daemon=True
        )
        with _one_thread_each():
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def give(worker: _Worker[_Item]) -> bool:
        """Give a worker the next batch; False if there is none."""
        task = again.popleft() if again else None
        if task is None:
            batch = next(source, None)
            task = None if batch is None else _Task(batch)
        worker.task = task
        if task is not None:
            # One that died before its turn is noticed below, like any other.
            with suppress(BrokenPipeError, ConnectionResetError):
                worker.connection.send(task.items)
        return task is not None

    try:
        for _ in range(jobs):
            workers.append(start())
            if not give(workers[-1]):
                break
        while busy := [worker for worker in workers if worker.task is not None]:
            ready = wait([worker.connection for worker in busy])
            for number, worker in enumerate(workers):
                task = worker.task
                if task is None or worker.connection not in ready:
                    continue
                try:
                    results = worker.connection.recv()
                except (EOFError, OSError):
                    worker.process.join()
                    worker.connection.close()
                    workers[number] = start()
                    if len(task.items) > 1:
                        again.extend(_Task((item,)) for item in task.items)
                    elif task.tries == 0:
                        again.append(_Task(task.items, 1))
                    else:
                        yield task.items, Death(worker.process.exitcode or 0)
                    give(workers[number])
                    continue
                if isinstance(results, _Told):
                    if hear is not None:
                        hear(results.what)
                    continue
                give(worker)
                if isinstance(results, Exception):
                    raise results
                yield task.items, results
            for worker in workers:
                if worker.task is None and again:
                    give(worker)
    finally:
        for worker in workers:
            worker.process.kill() if stop is None else worker.process.terminate()
            worker.connection.close()
        for worker in workers:
            worker.process.join()


def _serve(
    function: Callable[[Sequence[_Item]], Sequence[_Result]],
    connection: Connection,
    inherited: Sequence[Connection],
    stop: Callable[[], None] | None,
) -> None:
    """Answer batches with results until there are no more."""
    global _to_starter
    _to_starter = connection
    gc.freeze()  # A collection would touch, and so copy, all that is shared.
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The one who started us stops us.
    stopped = False

    def end(*_: object) -> None:
        nonlocal stopped
        stopped = True
        if stop is not None:
            stop()

    if stop is not None:
        signal.signal(signal.SIGTERM, end)
    for other in inherited:
        other.close()
    threadpool_limits(1)  # A library that was loaded before a fork reads no variables.
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    # Where the pipe is closed, the one who started us has what it wants, or is dead.
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            items = connection.recv()
            try:
                answer: object = function(items)
            except Exception as error:
                answer = error
            if stopped:  # What was left off is no answer.
                raise SystemExit(128 + signal.SIGTERM)
            connection.send(answer)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """While a process is started, ask the libraries that it loads for one thread."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
