"""What kernels run on: the device that a suite is asked for, here and in the processes that it starts."""

from __future__ import annotations

import contextlib
import os

import jax

from optimizer.errors import ConfigError

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
