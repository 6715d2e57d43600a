"""Workers on a Ray cluster, each with this program installed. Nothing is told to Ray's makers, and no dashboard is served.

Ray does a task again whose worker was lost. Values and arguments cross the cluster's own network; a plan is confidential, so the
cluster is to be as well kept as the machine that asks.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

from optimizer.errors import Cancelled, ConfigError, SolverFailure
from optimizer.solve.executor import LOOK_S, RETRIES, Lost, Outcome, Pool, Tally, done

KNOCK_S = 5.0  # that a cluster has to answer


class RayPool(Pool):
    """A `Pool` of a Ray cluster. A cluster that it started ends with it."""

    def __init__(
        self, workers: int, *, address: str | None = None, report: Callable[[Tally], None] | None = None, shared: object = None
    ) -> None:
        """
        Args:
          workers: tasks at once, each on one core.
          address: of the cluster's head, as `ray.init` takes it; None: a cluster of so many cores on this machine.
          report: called when a task begins or ends.
          shared: what every task begins with, kept on the cluster.

        Raises:
          ConfigError: Ray is not installed, or no cluster answers at the address.
        """
        super().__init__(report)
        self._ray = _connected(workers, address)
        self._do = self._ray.remote(num_cpus=1, max_retries=RETRIES, retry_exceptions=False)(done)
        self._workers = workers
        self._shared = None if shared is None else self._ray.put(shared)
        self._running: dict[Any, tuple[str, float]] = {}  # by reference: key, and when it was given to the cluster

    def close(self) -> None:
        self._waiting.clear()
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running.clear()
        self._ray.shutdown()

    # ---- inside

    def _keys_running(self) -> tuple[str, ...]:
        return tuple(key for key, _ in self._running.values())

    def _dispatch(self) -> None:
        while self._waiting and len(self._running) < self._workers:
            task = self._waiting.popleft()
            self._running[self._do.remote(task, self._shared)] = task.key, time.monotonic()
            self._tell()

    def _ended(self) -> Iterator[Outcome]:
        yield from self._drop_cancelled()
        if not self._running:
            return
        ready, _ = self._ray.wait(list(self._running), num_returns=len(self._running), timeout=LOOK_S)
        for reference in ready:
            key, began = self._running.pop(reference)
            value, failure = self._answer(reference, key)
            yield Outcome(key=key, value=value, failure=failure, seconds=time.monotonic() - began)

    def _answer(self, reference: Any, key: str) -> tuple[Any, Exception | None]:
        try:
            value, failure = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            return None, SolverFailure(f"{key}: {error.cause}")
        except self._ray.exceptions.RayError as error:
            return None, Lost(f"{key}: its worker ended before it answered ({type(error).__name__}); it may have run out of memory")
        return value, failure

    def _drop_cancelled(self) -> Iterator[Outcome]:
        yield from self._drop_waiting()
        for reference, (key, began) in list(self._running.items()):
            if key in self._cancelled:
                self._ray.cancel(reference, force=True)
                del self._running[reference]
                yield Outcome(key=key, failure=Cancelled(f"{key} was cancelled"), seconds=time.monotonic() - began)


def _connected(workers: int, address: str | None) -> Any:
    """The module `ray`, connected to the cluster."""
    if find_spec("ray") is None:
        remedy = "Install the extra: pip install 'placement-optimizer[distributed]', or leave executor=processes."
        raise ConfigError("executor", "ray must be installed", "no module ray", remedy)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # read when Ray is imported and when it starts a cluster
    import ray

    _keep_off_stdout()
    if address is not None and ":" in address:
        _knock(address)
    own = {"num_cpus": workers, "include_dashboard": False} if address is None else {"address": address}
    try:
        ray.init(**own, log_to_driver=False, logging_level=logging.ERROR, configure_logging=True)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _no_cluster(address, error) from error
    return ray


def _keep_off_stdout() -> None:
    """What Ray says of lost workers goes to the standard error, as the standard output is the job's. Ray has no setting for that."""
    from ray._private import worker

    say = worker.print_to_stdstream
    if say.__module__ == worker.__name__:
        worker.print_to_stdstream = lambda data, **how: say({**data, "is_err": True}, **how)


def _knock(address: str) -> None:
    """Ray itself asks an address for minutes at which nobody answers."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=KNOCK_S).close()
    except (OSError, ValueError, OverflowError) as error:
        raise _no_cluster(address, error) from error


def _no_cluster(address: str | None, error: Exception) -> ConfigError:
    rule, remedy = "must name the head of a Ray cluster that answers", "Start one (ray start --head), or correct the address."
    return ConfigError("executor.address", rule, f"{address} ({str(error).splitlines()[0]})", remedy)
