"""What kernels run on: the device that a suite is asked for, here and in the processes that it starts."""

from __future__ import annotations

import contextlib
import os

import jax

from optimizer.errors import ConfigError

PATIENCE_S = 300
PLATFORMS = "JAX_PLATFORMS"  # where JAX looks which devices to use


def use(device: str | None) -> None:
    """Makes JAX use a kind of device; the processor stays beside it, for what is counted there. None: what JAX chooses.

    Raises:
      ConfigError: JAX finds none of that kind.
    """
    if device is None:
        return
    platforms = device if device == "cpu" else f"{device},cpu"
    os.environ[PLATFORMS] = platforms  # of children
    jax.config.update("jax_platforms", platforms)
    if device == "cpu":
        return
    try:
        jax.devices(device)
    except RuntimeError as error:
        remedy = f"Install the extra for it, pip install '.[{device}]', or leave device out."
        raise ConfigError("device", "must be a device that JAX finds", device, remedy) from error


def one_a_core() -> list[jax.Device]:
    """All cards, or as many simulated devices as there are cores."""
    with contextlib.suppress(RuntimeError):  # JAX runs already: its devices count
        jax.config.update("jax_num_cpu_devices", os.cpu_count() or 1)
    return jax.devices()


def join(coordinator: str, processes: int, process: int) -> None:
    """Makes this process one of several, on one host or many, that share their devices; before JAX is asked for any.

    Args:
      coordinator: HOST:PORT of process 0.

    Raises:
      ConfigError: the others do not come.
    """
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        jax.distributed.initialize(coordinator, processes, process, initialization_timeout=PATIENCE_S)
    except RuntimeError as error:
        rule, got = f"must be reached by all {processes} processes within {PATIENCE_S} s", f"{coordinator} ({str(error).splitlines()[0]})"
        raise ConfigError("coordinator", rule, got, "Start the suite on every host, with process=0, 1 ...") from error
