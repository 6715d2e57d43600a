"""`placement <job> -m`: one run for each combination of values, one after another here, or beside each other by the executor."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from optimizer.errors import ConfigError, PlacementError
from optimizer.jobs.catalog import Job, job_named
from optimizer.jobs.plan import executor
from optimizer.jobs.settings import PlanJob
from optimizer.jobs.speech import Speech, spoken, told
from optimizer.solve.executor import Task

Combination = tuple[tuple[str, ...], Any]  # overrides, and the settings that they make


def swept(job: Job, combinations: Sequence[Combination], asked: Speech) -> int:
    """Makes every run; what cannot be made is told and the others go on. Returns the largest exit code."""
    codes = _beside(job, combinations, asked) if _asks_for_workers(combinations) else _in_turn(job.load(), combinations, asked)
    return max(codes)


def _asks_for_workers(combinations: Sequence[Combination]) -> bool:
    """Other jobs than plan use their executor themselves, for the solves within one run.

    Raises:
      ConfigError: a plan that itself uses processes cannot be made in one of several.
    """
    plans = [settings for _, settings in combinations if isinstance(settings, PlanJob)]
    if not plans or (plans[0].executor.name == "processes" and plans[0].executor.workers == 1):
        return False
    if plans[0].executor.name == "processes" and any(settings.risk.information for settings in plans):
        rule, remedy = "must be 1 in a sweep with risk.information=true, which uses all cores", "Leave executor.workers out."
        raise ConfigError("executor.workers", rule, plans[0].executor.workers, remedy)
    return True


def _in_turn(run: Callable[[Any], int], combinations: Sequence[Combination], asked: Speech) -> Iterator[int]:
    for overrides, settings in combinations:
        try:
            with spoken(asked):
                print(_heading(overrides), flush=True)
                code = run(settings)
        except PlacementError as error:
            code = told(error, asked)
        yield code


def _beside(job: Job, combinations: Sequence[Combination], asked: Speech) -> Iterator[int]:
    """What each run says comes as a whole, as runs end."""
    named = {f"run {number} of the sweep": combination for number, combination in enumerate(combinations, start=1)}
    with executor(combinations[0][1].executor).pool(len(named)) as pool:
        for key, (overrides, settings) in named.items():
            how = {"job": job.name, "heading": _heading(overrides), "settings": settings, "asked": asked}
            pool.submit(Task(key=key, work=one_run, arguments=how))
        for outcome in pool.outcomes():
            try:
                code, said = outcome.result()
                print(said, end="", flush=True)
            except PlacementError as error:
                if asked is Speech.FULL:
                    print(_heading(named[outcome.key][0]), flush=True)
                code = told(error, asked)
            yield code


def one_run(*, job: str, heading: str, settings: Any, asked: Speech) -> tuple[int, str]:
    """One run of a sweep in a worker: its exit code and what it says. Progress is in the run's log only."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(io.StringIO()), spoken(asked):
        print(heading)
        code = job_named(job).load()(settings)
    return code, said.getvalue()


def _heading(overrides: Sequence[str]) -> str:
    return f"# {' '.join(overrides)}"
