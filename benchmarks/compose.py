"""From `key=value` on the command line to a suite's settings, by Hydra; nothing else here sees Hydra or OmegaConf."""

from __future__ import annotations

import dataclasses
import difflib

from hydra import compose, initialize
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import OverrideType
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from benchmarks.registry import Suite
from benchmarks.settings import SuiteSettings
from benchmarks.usage import type_in_words
from optimizer.errors import ConfigError

LINE = "command line"


def settings_of(suite: Suite, overrides: list[str]) -> SuiteSettings:
    """The suite's settings.

    Raises:
      ConfigError: an override cannot be read, its key is unknown, or its value breaks a rule.
    """
    schema = suite.settings()
    for text in overrides:
        _check(suite, schema, text)
    ConfigStore.instance().store(name="suite_schema", node=schema)
    GlobalHydra.instance().clear()
    try:
        with initialize(config_path=None, version_base="1.3", job_name=suite.name):
            settings = OmegaConf.to_object(compose(config_name="suite_schema", overrides=overrides))
    except (HydraException, OmegaConfBaseException) as error:
        raise _config_error(schema, overrides, error) from error
    assert isinstance(settings, SuiteSettings)
    return settings


def _check(suite: Suite, schema: type[SuiteSettings], text: str) -> None:
    """Hydra lets `+foo=1` pass, deletes with `~foo` and sweeps over `a,b`: none of them reaches a suite."""
    try:
        override = OverridesParser.create().parse_override(text)
    except HydraException:
        remedy = "Write key=value; put a value with spaces, commas, brackets or = in quotes: 'key=\"a value\"'."
        raise ConfigError(LINE, "must be key=value", text, remedy) from None
    known = [field.name for field in dataclasses.fields(schema)]
    name = override.key_or_group
    if name not in known:
        nearest = max(known, key=lambda key: difflib.SequenceMatcher(None, name, key).ratio())
        raise ConfigError(text, f"must be an argument of suite={suite.name}", name, f"Nearest: {nearest}. See suite={suite.name} --help.")
    if override.type is not OverrideType.CHANGE or override.package is not None:
        raise ConfigError(LINE, "an argument can only be given a value", text, "Write key=value.")
    if override.is_sweep_override():
        raise ConfigError(LINE, "must be one value", text, "Put a list in brackets: key=[a,b].")


def _config_error(schema: type[SuiteSettings], overrides: list[str], error: Exception) -> ConfigError:
    """A rule that a value breaks, or a value of the wrong type, in the user's words."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, ConfigError):
        return cause
    types = {field.name: str(field.type) for field in dataclasses.fields(schema)}
    first_line = str(cause).splitlines()[0]
    full_key = str(getattr(cause, "full_key", "") or "").partition("[")[0]
    for text in overrides:
        name, _, value = text.partition("=")
        if name in types and (full_key == name or f"'{value}'" in first_line):
            return ConfigError(name, f"must be {type_in_words(types[name])}", value, "Correct the value.")
    return ConfigError(LINE, "must be arguments of the suite", first_line, "Correct them.")
