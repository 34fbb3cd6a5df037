"""What ``[tool.archcheck.lint]`` says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from archcheck.config.errors import ConfigError
from archcheck.config.model import Config
from archcheck.errors import closest
from archcheck.lint.options import LintOptions, reason_of

KEY = "lint"
_OPTIONS = ("select", "ignore", "severities", "loss", "ignores")
_KEYS = (*_OPTIONS, "check", "baseline")


@dataclass(frozen=True)
class LintSettings:
    """How networks are linted.

    ``check`` is whether all networks that are held to a spec are linted too, ``baseline`` the file
    of the findings that are known.
    """

    options: LintOptions
    check: bool = False
    baseline: Path | None = None


def lint_settings(config: Config | None) -> LintSettings:
    """The settings of the lint; without settings of the project the usual ones.

    Raises:
        ConfigError: with all that is wrong.
    """
    if config is None:
        return LintSettings(LintOptions())
    errors: list[ConfigError] = []
    data = config.lint
    for key in data:
        if key not in _KEYS:
            hint = closest(key.replace("_", "-"), _KEYS) or f"; there are {', '.join(_KEYS)}"
            errors.append(config.error(f'unknown key "{key}"{hint}', KEY, key))
    check, baseline = data.get("check", False), data.get("baseline")
    if not isinstance(check, bool):
        errors.append(config.error("check is true or false", KEY, "check"))
    if baseline is not None and not (isinstance(baseline, str) and baseline.strip()):
        errors.append(config.error("baseline is a file's path", KEY, "baseline"))
    options = LintOptions()
    try:
        options = LintOptions.model_validate({k: data[k] for k in _OPTIONS if k in data})
    except ValidationError as error:
        for fault in error.errors():
            where = fault["loc"][:1]
            errors.append(config.error(f"{where[0]}: {reason_of(fault)}", KEY, *where))
    if errors:
        first, *others = errors
        first.others = tuple(others)
        raise first
    file = config.file.parent / baseline if baseline else None
    return LintSettings(options, check, file)
