"""Surfaces of any size: a reduction over chunks of loads, periods and scenarios, on one device or several, with slopes.

Of [L, P, T, B, S] only one chunk [l, P, 1, B, s] stands at a time, so memory does not grow with periods or scenarios beyond the inputs
and their slopes. A reduction gives arrays [l, P] of a chunk; they are added over periods and scenarios and strung together over loads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.sharding import AxisType, Mesh, PartitionSpec

from optimizer.surfaces.cost import Inputs, Reason, Reduction, expected, surface

ELEMENTS = {"cpu": 32_768, "gpu": 2**24}  # of a chunk, by platform: few enough for a core's cache; enough to keep a card busy
LOADS = "loads"  # the axis of a mesh over which loads are spread
OPTIONS = {"xla_cpu_prefer_vector_width": 512}  # bits: XLA takes half of what a core with AVX-512 has, and as much as there is elsewhere

Arrays = list[Array]
Body = Callable[[Arrays], tuple[Any, Arrays]]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a sweep is cut. Static: a new plan compiles anew."""

    loads: int  # of a chunk
    scenarios: int  # of a chunk
    whole: bool = True  # whole replicas; else unrounded ones, as slopes need
    steps: int = 1  # Newton steps of `sizing.count_and_waits`
    apart: bool = False  # as cards want it, see `cost.surface`
    mesh: Mesh | None = None  # devices, one axis `LOADS`; None: one device


def plan_for(inputs: Inputs, *, whole: bool = True, steps: int = 1, mesh: Mesh | None = None, elements: int | None = None) -> Plan:
    """Chunks of about so many elements, over all scenarios where they fit.

    Args:
      elements: of a chunk; None: as the platform of the mesh, or JAX's own, wants it. On a card a chunk with slopes holds up to 120 bytes
                an element.
    """
    devices = 1 if mesh is None else mesh.size
    platform = jax.default_backend() if mesh is None else mesh.devices.flat[0].platform
    if elements is None:
        elements = ELEMENTS.get(platform, ELEMENTS["gpu"])
    pools, _, scenarios = inputs.market.usd_per_hour.shape
    rest = pools * inputs.market.hours.shape[1]
    width = _part(scenarios, elements // rest)
    loads = _part(-(-inputs.demand.mean_share.shape[0] // devices), elements // (rest * width))
    return Plan(loads=loads, scenarios=width, whole=whole, steps=steps, apart=platform != "cpu", mesh=mesh)


def _part(length: int, most: int) -> int:
    """Length of equal parts of at most so many, so that little is padded."""
    parts = -(-length // min(length, max(most, 1)))
    return -(-length // parts)


def load_mesh(devices: Sequence[jax.Device] | None = None) -> Mesh:
    """A mesh of one axis over all devices, or those given."""
    chosen = jax.devices() if devices is None else list(devices)
    return jax.make_mesh((len(chosen),), (LOADS,), axis_types=(AxisType.Auto,), devices=chosen)


def sweep(inputs: Inputs, reason: Array, *, plan: Plan, reduction: Reduction = expected) -> Any:
    """The reduction of the whole surface. Differentiable in `inputs`: chunks are computed again on the way back (`jax.checkpoint`).

    Args:
      reason:    [L, P] int32, `cost.Reason` of each pair.
      reduction: (surface of a chunk, hours [T, B], probability [S]) -> tree of [l, P] arrays, which are added over chunks.

    Returns:
      The reduction's tree, [L, P] each.
    """
    layout = _layout(inputs, reason)

    def body(arrays: Arrays) -> tuple[Any, Arrays]:
        chunk = jax.checkpoint(partial(_chunk, layout=layout, plan=plan, reduction=reduction))
        return chunk(arrays[: layout.slopes], arrays[layout.slopes]), []

    return _run(layout, plan, body)[0]


swept = jax.jit(sweep, static_argnames=("plan", "reduction"), compiler_options=OPTIONS)
"""`sweep`, compiled; with options of its own, which JAX takes neither within another `jax.jit` nor under `jax.grad`."""


@partial(jax.jit, static_argnames=("plan", "reduction"), compiler_options=OPTIONS)
def sweep_with_slopes(inputs: Inputs, reason: Array, weights: Any, *, plan: Plan, reduction: Reduction = expected) -> tuple[Any, Inputs]:
    """The reduction, and the slopes of sum(weights x reduction) in every input, in one pass by reverse mode within each chunk.

    The same as a gradient of `sweep`, which evaluates every chunk twice.

    Args:
      weights: the reduction's tree with a number or [L, P] numbers for each array.

    Returns:
      The reduction, [L, P] each, and `Inputs` of slopes.
    """
    shape = inputs.pairs.service_s.shape
    spread = [jnp.broadcast_to(jnp.asarray(w, inputs.pairs.service_s.dtype), shape) for w in jax.tree.leaves(weights)]
    layout = _layout(inputs, reason, spread)

    def body(arrays: Arrays) -> tuple[Any, Arrays]:
        chunk = partial(_chunk, layout=layout, plan=plan, reduction=reduction)
        reduced, pull = jax.vjp(lambda values: chunk(values, arrays[layout.slopes]), arrays[: layout.slopes])
        cotangent = jax.tree.unflatten(jax.tree.structure(reduced), arrays[layout.slopes + 1 :])
        return reduced, pull(cotangent)[0]

    reduced, slopes = _run(layout, plan, body)
    return reduced, jax.tree.unflatten(layout.tree, slopes)


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """All arrays of a sweep in a row: the inputs, the reasons, then weights; each with one letter for each of its axes."""

    arrays: Arrays
    axes: list[str]
    tree: Any  # structure of the inputs, which are the first `slopes` arrays
    slopes: int

    def length(self, letter: str) -> int:
        """Of an axis: what any array has that is not 1."""
        return max(array.shape[axes.index(letter)] for array, axes in zip(self.arrays, self.axes, strict=True) if letter in axes)


def _layout(inputs: Inputs, reason: Array, weights: Sequence[Array] = ()) -> _Layout:
    dtype = inputs.pairs.service_s.dtype
    typed = jax.tree.map(lambda value: jnp.asarray(value, dtype), inputs)
    leaves, tree = jax.tree.flatten(typed)
    axes = [*_axes(inputs), "LP", *("LP" for _ in weights)]
    return _Layout(arrays=[*leaves, reason, *weights], axes=axes, tree=tree, slopes=len(leaves))


def _axes(inputs: Inputs) -> list[str]:
    """Letters of each input's axes, in the order of the tree's leaves."""
    market = {"usd_per_hour": "PTS", "accelerators": "P", "hours": "TB", "probability": "S"}
    return [
        *("" for _ in jax.tree.leaves(inputs.queueing)),
        *("LP" for _ in jax.tree.leaves(inputs.pairs)),
        *("LTBS" for _ in inputs.demand.factors),
        "L",  # mean_share
        *(market[field.name] for field in fields(inputs.market)),
    ]


def _chunk(values: Arrays, reason: Array, *, layout: _Layout, plan: Plan, reduction: Reduction) -> Any:
    inputs: Inputs = jax.tree.unflatten(layout.tree, values)
    elements = surface(inputs, reason, whole=plan.whole, steps=plan.steps, apart=plan.apart)
    return reduction(elements, inputs.market.hours, inputs.market.probability)


def _run(layout: _Layout, plan: Plan, body: Body) -> tuple[Any, Arrays]:
    """The loops over loads, periods and scenarios around a chunk, and the devices around the loops."""
    axes, loads = layout.axes, layout.length("L")
    devices = 1 if plan.mesh is None else plan.mesh.size
    arrays = _padded(layout, plan.loads * devices, plan.scenarios)

    loops = _looped("L", plan.loads, axes, _looped("T", 1, axes, _looped("S", plan.scenarios, axes, body)))
    if plan.mesh is not None:
        loops = _spread_over(plan.mesh, layout, loops)
    reduced, slopes = loops(arrays)
    cut = [_cut(slope, array) for slope, array in zip(slopes, layout.arrays, strict=False)]
    return jax.tree.map(lambda value: value[:loads], reduced), cut


def _cut(slope: Array, array: Array) -> Array:
    """Without the padding."""
    return slope[tuple(slice(0, length) for length in array.shape)]


def _padded(layout: _Layout, loads: int, scenarios: int) -> Arrays:
    """Whole chunks of loads and scenarios. What is added has no pool that serves it, no weight and no probability."""
    whole = {"L": -(-layout.length("L") // loads) * loads, "S": -(-layout.length("S") // scenarios) * scenarios}

    def pad(array: Array, axes: str, fill: float) -> Array:
        missing = [(0, whole[letter] - size if letter in whole and size > 1 else 0) for letter, size in zip(axes, array.shape, strict=True)]
        if layout.length("L") == 1 and "L" in axes:
            missing[axes.index("L")] = (0, whole["L"] - 1)
        return jnp.pad(array, missing, constant_values=fill) if any(after for _, after in missing) else array

    filled = []
    for i, (array, axes) in enumerate(zip(layout.arrays, layout.axes, strict=True)):
        filled.append(pad(array, axes, int(Reason.RULES) if i == layout.slopes else 0))
    return filled


def _looped(letter: str, width: int, axes: list[str], body: Body) -> Body:
    """A body for arrays that are longer along an axis: chunk by chunk.

    Slopes of arrays that have the axis are strung together, all others added; so is the reduction along loads, and added along other axes.
    """

    def run(arrays: Arrays) -> tuple[Any, Arrays]:
        where = {i: name.index(letter) for i, name in enumerate(axes) if letter in name}
        length = max(arrays[i].shape[axis] for i, axis in where.items())
        if length <= width:
            return body(arrays)
        where = {i: axis for i, axis in where.items() if arrays[i].shape[axis] > 1}
        moving = {i: _chunks(arrays[i], axis, width) for i, axis in where.items()}
        along = letter == "L"

        def split(result: tuple[Any, Arrays]) -> tuple[Any, Any]:
            reduced, slopes = result
            still = {i: slope for i, slope in enumerate(slopes) if i not in where}
            moved = {i: slope for i, slope in enumerate(slopes) if i in where}
            return (None if along else reduced, still), (reduced if along else None, moved)

        def step(total: Any, part: dict[int, Array]) -> tuple[Any, Any]:
            added, strung = split(body([part.get(i, array) for i, array in enumerate(arrays)]))
            return jax.tree.map(jnp.add, total, added), strung

        first = jax.tree.map(lambda chunks: chunks[0], moving)
        shapes = jax.eval_shape(lambda part: split(body([part.get(i, array) for i, array in enumerate(arrays)]))[0], first)
        start = jax.tree.map(lambda shape: jnp.zeros(shape.shape, shape.dtype), shapes)
        (reduced, still), (strung, moved) = jax.lax.scan(step, start, moving)
        if along:
            reduced = jax.tree.map(lambda chunks: _joined(chunks, 0), strung)
        slopes = {**still, **{i: _joined(chunks, where[i]) for i, chunks in moved.items()}}
        return reduced, [slopes[i] for i in sorted(slopes)]

    return run


def _chunks(array: Array, axis: int, width: int) -> Array:
    """[..., n width, ...] as [n, ..., width, ...]."""
    shape = array.shape
    return jnp.moveaxis(array.reshape(*shape[:axis], shape[axis] // width, width, *shape[axis + 1 :]), axis, 0)


def _joined(chunks: Array, axis: int) -> Array:
    """The way back from `_chunks`."""
    apart = jnp.moveaxis(chunks, 0, axis)
    return apart.reshape(*apart.shape[:axis], -1, *apart.shape[axis + 2 :])


def _spread_over(mesh: Mesh, layout: _Layout, loops: Body) -> Body:
    """Loads over the devices of a mesh; slopes of what all devices share are added."""

    def shared(array: Array, axes: str) -> bool:
        return "L" not in axes or array.shape[axes.index("L")] == 1

    whole, parts = PartitionSpec(), PartitionSpec(LOADS)  # type: ignore[no-untyped-call]  # L stands first wherever it stands

    def run(arrays: Arrays) -> tuple[Any, Arrays]:
        same = [shared(array, axes) for array, axes in zip(arrays, layout.axes, strict=True)]
        specs = [whole if s else parts for s in same]

        def local(arrays: Arrays) -> tuple[Any, Arrays]:
            reduced, slopes = loops(arrays)
            added = partial(jax.lax.psum, axis_name=LOADS)
            return reduced, [added(slope) if s else slope for slope, s in zip(slopes, same, strict=False)]

        count = len(jax.eval_shape(loops, arrays)[1])
        outs = (parts, specs[:count])
        result: tuple[Any, Arrays] = jax.shard_map(local, mesh=mesh, in_specs=(specs,), out_specs=outs, check_vma=False)(arrays)
        return result

    return run
