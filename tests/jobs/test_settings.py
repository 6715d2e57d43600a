from __future__ import annotations

import pytest
import yaml
from omegaconf import OmegaConf

from optimizer.errors import ConfigError
from optimizer.jobs.catalog import JOBS
from optimizer.jobs.compose import as_yaml, dotted, settings_of
from optimizer.jobs.configs import group_choices, group_defaults, job_keys
from optimizer.jobs.settings import CaseFolderSettings, CaseSettings, HorizonSettings, PlanJob, SolverSettings
from optimizer.jobs.usage import keys
from optimizer.tables.catalog import case_names, config_folder

PLAN = JOBS["plan"]
NEEDED = {
    "init": ["folder=somewhere"],
    "calibrate": ["training=runs.csv", "source=ours"],
    "import": ["source=skypilot", "file=aws.csv", "case.path=lab"],
}
SET = {
    "plan": {"horizon": HorizonSettings(periods=12)},  # by the default case
    "replan": {"horizon": HorizonSettings(periods=12), "solver": SolverSettings(time_limit_s=600, deterministic_limit=12)},
    "audit": {"horizon": HorizonSettings(periods=12), "solver": SolverSettings(time_limit_s=30)},
    "backtest": {"case": CaseSettings(name="small"), "solver": SolverSettings(time_limit_s=8, relative_gap=0.001)},
    "quote": {"solver": SolverSettings(time_limit_s=400)},
    "import": {"case": CaseFolderSettings(path="lab")},
}


def only(job: str, *overrides: str) -> PlanJob:
    ((_, settings),) = settings_of(JOBS[job], list(overrides), sweep=False)
    return settings


def refusal(*overrides: str, sweep: bool = False) -> str:
    with pytest.raises(ConfigError) as caught:
        settings_of(PLAN, list(overrides), sweep=sweep)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize("job", JOBS)
def test_every_job_composes_to_its_own_defaults(job):
    needed = NEEDED.get(job, [])
    given = dict(text.split("=") for text in needed if "." not in text.split("=")[0])
    defaults = JOBS[job].settings(**given, **SET.get(job, {}))
    assert only(job, *needed) == defaults


def test_work_is_counted_in_units_of_the_solver():
    assert only("replan", "solver=exact").solver == SolverSettings(name="exact")
    assert only("replan", "solver.time_limit_s=20").solver == SolverSettings(time_limit_s=20, deterministic_limit=12)


@pytest.mark.parametrize("job", JOBS)
def test_defaults_that_are_told_are_those_that_hold(job):
    """Those of the case frontier_lab aside, of which the text speaks."""
    composed = only(job, *NEEDED.get(job, []), *(["case=tiny"] if "case" in group_choices(JOBS[job]) else []))
    held = dotted(OmegaConf.to_container(OmegaConf.structured(composed)))
    given = {text.split("=")[0] for text in NEEDED.get(job, [])}
    told = {key.name: yaml.safe_load(key.default or "''") for key in job_keys(JOBS[job]) if key.name not in given}
    assert told == {name: value for name, value in held.items() if name in told}
    chosen = {f"{group}.name": name for group, name in group_defaults(JOBS[job]).items() if group not in ("case", "experiment")}
    assert chosen == {name: held[name] for name in chosen}


@pytest.mark.parametrize("job", ["plan", "check"])
@pytest.mark.parametrize("case", case_names())
def test_every_shipped_case_has_its_name(job, case):
    assert only(job, f"case={case}").case.name == case


@pytest.mark.parametrize("group", ["solver", "experiment"])
def test_every_config_of_a_group_composes(group):
    for name in group_choices(PLAN)[group]:
        assert isinstance(only("plan", f"{group}={name}"), PlanJob)


def test_every_yaml_belongs_to_a_job_or_to_a_group_of_one():
    groups = {(group, name) for job in JOBS.values() for group, names in group_choices(job).items() for name in names}
    known = {(name,) for name in JOBS} | groups
    assert {path.relative_to(config_folder()).with_suffix("").parts for path in config_folder().rglob("*.yaml")} == known


def test_an_experiment_changes_what_it_says_and_the_command_line_changes_it_again():
    assert only("plan", "experiment=two_solvers_agree").case.name == "small"
    assert only("plan", "experiment=two_solvers_agree", "case=tiny").case.name == "tiny"
    assert only("plan", "experiment=two_solvers_agree", "solver.time_limit_s=9").solver.time_limit_s == 9


def test_own_folder_is_taken_as_written_and_without_what_the_default_case_sets():
    assert only("plan", "case.path=/my/lab").case == CaseSettings(name="own", path="/my/lab")
    assert only("plan", "case.path=/my/lab").horizon.periods is None
    assert only("plan", "case=own", "case.path='/my lab/a=b'").case.path == "/my lab/a=b"


def test_a_shipped_case_and_a_folder_exclude_each_other():
    for overrides in (["case=tiny", "case.path=/my/lab"], ["case=own"]):
        assert refusal(*overrides).startswith("case.path: must name a folder with case=own, and nothing with a case that is shipped")


def test_a_check_reads_the_whole_calendar_and_a_plan_of_the_default_case_twelve_periods():
    assert only("check").horizon.periods is None
    assert only("check", "horizon.periods=3").horizon.periods == 3
    assert only("plan").horizon.periods == 12
    assert only("plan", "case=tiny").horizon.periods is None


@pytest.mark.parametrize("override", ["foo=1", "+foo=1", "++foo=1"])
def test_an_unknown_key_is_an_error_however_it_is_added(override):
    assert f"{override}: must be a key of placement plan; got foo." in refusal(override)


@pytest.mark.parametrize(
    ("override", "nearest"),
    [
        ("solver.time_limit=3", "solver.time_limit_s"),
        ("time_limit_s=3", "solver.time_limit_s"),
        ("horizon.period=3", "horizon.periods"),
        ("cas=tiny", "case"),
        ("solver.time=3", "solver.time_limit_s"),
        ("+solver.treads=1", "solver.threads"),
    ],
)
def test_an_unknown_key_names_the_nearest_known_one(override, nearest):
    assert f"Nearest: {nearest}." in refusal(override)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("horizon.periods=abc", "horizon.periods: must be of type integer or null; got abc. Correct the value."),
        ("horizon.periods=0", "horizon.periods: must be >= 1 period, or null for all; got 0. Correct the value."),
        ("seed=-1", "seed: must be >= 0; got -1. Correct the value."),
        ("seed=null", "seed: must be of type integer; got null. Correct the value."),
        ("solver.backend=other", "solver.backend: must be highs or cp_sat; got other. Correct the value."),
        ("solver.time_limit_s=0", "solver.time_limit_s: must be > 0 s, or null for none; got 0.0. Correct the value."),
        ("solver.relative_gap=1", "solver.relative_gap: must be a share in [0, 1); got 1.0. Correct the value."),
        ("solver.threads=0", "solver.threads: must be >= 1; got 0. Correct the value."),
        (
            "economics.annual_discount_rate=8",
            "economics.annual_discount_rate: must be a share per year in (-0.5, 1); got 8.0. Give 0.08 for 8 % a year.",
        ),
        ("case.name=tiny", "command line: case.name is set by case=NAME; got case.name=tiny. Write case=tiny."),
        ("~seed", "command line: a setting can be changed and not deleted; got ~seed. Write key=value."),
        ("seed=1,2", "command line: several values for one key need -m; got seed=1,2. Give one value, or add -m."),
    ],
)
def test_a_value_that_breaks_a_rule_is_told_in_full(override, message):
    assert refusal(override) == message


def test_an_unknown_case_lists_those_there_are():
    assert refusal("case=nope").startswith(f"case: must be one of {', '.join(sorted([*case_names(), 'own']))}; got nope.")


def test_what_hydra_cannot_parse_is_told_with_the_remedy():
    assert "must be key=value; got seed. Write key=value" in refusal("seed")


def test_a_sweep_gives_every_combination_in_order():
    swept = settings_of(PLAN, ["case=tiny,small", "seed=range(0,3)", "horizon.periods=2"], sweep=True)
    assert [(s.case.name, s.seed, s.horizon.periods) for _, s in swept] == [(c, i, 2) for c in ("tiny", "small") for i in range(3)]
    assert swept[0][0] == ("case=tiny", "seed=0", "horizon.periods=2")


def test_every_value_of_a_sweep_is_checked_before_the_first_runs():
    assert "got nope" in refusal("case=tiny,nope", sweep=True)
    assert "must list its values" in refusal("case=glob(*)", sweep=True)


def test_the_settings_written_to_a_run_give_the_same_settings_again():
    asked = only("plan", "case=tiny", "solver.backend=cp_sat", "seed=7", "output.csv=true")
    written = dict(line.split(": ") for line in as_yaml(asked).splitlines() if not line.endswith(":"))
    assert written["seed"] == "7"
    told = [key.name for key in keys(PlanJob) if not key.name.endswith(".name") and _at(asked, key.name) is not None]
    given = [f"case={asked.case.name}", *(f"{name}={_at(asked, name)}" for name in told)]
    assert only("plan", *given) == asked


def _at(settings: object, dotted: str) -> object:
    for part in dotted.split("."):
        settings = getattr(settings, part)
    return settings
