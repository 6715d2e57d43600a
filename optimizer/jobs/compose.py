"""From the command line and configs/ to settings: the Hydra front. Nothing else sees Hydra or OmegaConf."""

from __future__ import annotations

import difflib
import itertools
import json
import re
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, OverrideType
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from optimizer.errors import ConfigError
from optimizer.jobs.catalog import Job
from optimizer.jobs.configs import group_choices
from optimizer.jobs.settings import OWN, OutputSettings
from optimizer.jobs.usage import NAMES, keys
from optimizer.store.runs import find_run
from optimizer.tables.catalog import config_folder

LINE = "command line"
INPUTS = ("case", "calibration", "experiment")  # what says which files a plan reads


def settings_of(job: Job, overrides: list[str], *, sweep: bool) -> list[tuple[tuple[str, ...], Any]]:
    """The job's settings, one for each combination of swept values, each with the overrides that make it.

    Raises:
      ConfigError: an override cannot be read, its key is unknown, or its value breaks a rule.
    """
    parsed = [_parse(text if sweep else _listed(job, text)) for text in overrides]
    choices = group_choices(job)
    for override in parsed:
        _check_key(job, override, choices)
        if override.is_sweep_override() and not sweep:
            raise ConfigError(LINE, "several values for one key need -m", override.input_line, "Give one value, or add -m.")
    parsed = _as_it_was(parsed)
    parsed = _own_case(parsed, choices) + parsed
    combinations = itertools.product(*(_values(override, choices) for override in parsed))
    return [(combination, _compose(job, list(combination))) for combination in combinations]


def as_yaml(settings: Any) -> str:
    """The settings in full, as written to a run's config.yaml."""
    return OmegaConf.to_yaml(OmegaConf.structured(settings))


def _listed(job: Job, text: str) -> str:
    """`key=a,b` means a list where the key holds names: key=[a,b]."""
    name, _, value = text.partition("=")
    lists = [key.name for key in keys(job.settings) if key.type.startswith(NAMES)]
    return f"{name}=[{value}]" if name in lists and re.fullmatch(r"[\w.-]+(,[\w.-]+)*", value) and value != "null" else text


def _parse(text: str) -> Override:
    try:
        parsed: Override = OverridesParser.create().parse_override(text)
    except HydraException:
        remedy = "Write key=value; put a value with spaces, commas, brackets or = in quotes: 'key=\"a value\"'."
        raise ConfigError(LINE, "must be key=value", text, remedy) from None
    return parsed


def _as_it_was(parsed: list[Override]) -> list[Override]:
    """`from_run=ID`: the settings of that run, then those given beside it, which so override its own."""
    given = {override.key_or_group: override.value() for override in parsed}
    if given.get("from_run") is None:
        return parsed
    for key in given:
        if key.split(".")[0] in INPUTS:
            rule, remedy = "a plan from a run reads what that run read", f"Leave {key} or from_run out."
            raise ConfigError(LINE, rule, f"{key} beside from_run", remedy)
    home = Path(str(given.get("output.folder", OutputSettings().folder)))
    run = find_run(home, str(given["from_run"]), jobs=("plan",))
    kept: Any = OmegaConf.to_container(OmegaConf.load(run / "config.yaml"))
    groups = [_parse(f"{name}={kept[name].pop('name')}") for name in ("case", "solver") if name not in given]
    kept.pop("executor", None)  # where a plan was made is no part of it
    left_out = ("case.name", "solver.name", "from_run", "output.folder")
    own = [_parse(f"{name}={json.dumps(value)}") for name, value in dotted(kept).items() if name not in left_out]
    beside = [override for override in parsed if override.key_or_group != "from_run"]
    return [*groups, *own, *beside, _parse(f"from_run={json.dumps(run.name)}")]


def dotted(values: Any, prefix: str = "") -> dict[str, Any]:
    """Nested settings by their dotted keys: {"solver": {"threads": 2}} is {"solver.threads": 2}."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= dotted(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat


def _own_case(parsed: list[Override], choices: dict[str, list[str]]) -> list[Override]:
    """`case.path=FOLDER` alone means a case of one's own, without what the default case sets."""
    given = {override.key_or_group for override in parsed}
    return [_parse(f"case={OWN}")] if "case.path" in given and "case" not in given and "case" in choices else []


def _check_key(job: Job, override: Override, choices: dict[str, list[str]]) -> None:
    """Hydra lets `+foo=1` pass and deletes with `~foo`: neither reaches a job here."""
    name = override.key_or_group
    if override.type is OverrideType.DEL:
        raise ConfigError(LINE, "a setting can be changed and not deleted", override.input_line, "Write key=value.")
    known = [key.name for key in keys(job.settings)]
    if name.endswith(".name") and name.removesuffix(".name") in choices:
        group = name.removesuffix(".name")
        raise ConfigError(LINE, f"{name} is set by {group}=NAME", override.input_line, f"Write {group}={override.value()}.")
    if override.package is not None or name not in [*known, *choices]:
        named = [key for key in known if not key.endswith(".name")]
        nearest = max([*named, *choices], key=lambda key: _likeness(name, key))
        raise ConfigError(override.input_line or name, f"must be a key of placement {job.name}", name, f"Nearest: {nearest}. See --help.")


def _likeness(name: str, key: str) -> float:
    if key.startswith(name):
        return 1.0
    whole = difflib.SequenceMatcher(None, name, key).ratio()
    return max(whole, difflib.SequenceMatcher(None, name.split(".")[-1], key.split(".")[-1]).ratio() - 0.01)


def _values(override: Override, choices: dict[str, list[str]]) -> list[str]:
    """`key=value` for each value that the override gives."""
    if override.is_sweep_override():
        if isinstance(override.value(), Glob) or not override.is_discrete_sweep():
            raise ConfigError(LINE, "must list its values", override.input_line, "Write key=a,b,c or key=range(1,5).")
        values = [str(value) for value in override.sweep_string_iterator()]
    else:
        values = [override.get_value_element_as_str()]
    group = override.key_or_group
    if group in choices:
        for value in values:
            _check_choice(group, value, choices[group])
    return [f"{override.key_or_group}={value}" for value in values]


def _check_choice(group: str, value: str, names: list[str]) -> None:
    if value not in names and not (group == "experiment" and value == "null"):
        also = " Your own tables: case.path=FOLDER." if group == "case" else ""
        raise ConfigError(group, f"must be one of {', '.join(names)}", value, f"Choose one of them.{also}")


def _compose(job: Job, overrides: list[str]) -> Any:
    ConfigStore.instance().store(name=f"{job.name}_schema", node=job.settings)
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(config_dir=str(config_folder()), version_base="1.3", job_name=job.name):
            return OmegaConf.to_object(compose(config_name=job.name, overrides=overrides))
    except (HydraException, OmegaConfBaseException) as error:
        raise _config_error(job, overrides, error) from error


def _config_error(job: Job, overrides: list[str], error: Exception) -> ConfigError:
    """A value of the wrong type, or a config file that the schema refuses, in the user's words."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    first_line = str(cause).splitlines()[0]
    for text in overrides:
        name, _, value = text.partition("=")
        types = {key.name: key.type for key in keys(job.settings)}
        if name in types and (getattr(cause, "full_key", None) == name or f"'{value}'" in first_line):
            return ConfigError(name, f"must be of type {types[name]}", value, "Correct the value.")
    return ConfigError(str(config_folder() / f"{job.name}.yaml"), "must follow the settings of the job", first_line, "Correct the file.")
