"""Options from text to values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archcheck.cli.errors import UsageError
from archcheck.errors import closest
from archcheck.worker.surroundings import Surroundings, memory_of

if TYPE_CHECKING:  # commands without a spec do not import it
    from archcheck.spec import Spec


def surroundings_of(memory: str | None, clean_env: bool) -> Surroundings:
    """What a network's process has around it.

    Raises:
        UsageError: if the text is no size.
    """
    if memory is None:
        return Surroundings(0, clean_env)
    try:
        return Surroundings(memory_of(memory), clean_env)
    except ValueError as error:
        raise UsageError(f"--memory {memory}: {error}") from None


def read_unit(text: str | None) -> tuple[int, ...] | None:
    """``"3,4"`` as an index; None without one.

    Raises:
        UsageError: if the text is not an index.
    """
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}(\s*[,x×]\s*[0-9]{1,9})*", text.strip().strip("[]()")) is None:
        raise UsageError(f"--unit {text}: a unit is written like 3,4, counted from 0,0")
    return tuple(int(index) for index in re.findall("[0-9]+", text))


def read_plot(file: Path | None) -> str | None:
    """The format of a picture, from its file's name; None without a file.

    Raises:
        UsageError: if it cannot be drawn.
    """
    if file is None:
        return None
    from archcheck.reporters.plot import FORMATS, available

    suffix = file.suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise UsageError(
            f"--plot {file}: name a file that ends in "
            f"{', '.join(f'.{name}' for name in FORMATS[:-1])} or .{FORMATS[-1]}"
        )
    if not available():
        raise UsageError(
            "--plot draws with matplotlib, which is not installed: pip install matplotlib"
        )
    return suffix


def read_arguments(texts: Sequence[str] | None) -> dict[str, Any]:
    """``["width=64", "act=relu"]`` as arguments, the values read as YAML.

    Raises:
        UsageError: if a text is not of that form.
    """
    if not texts:
        return {}
    import yaml

    arguments: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip().isidentifier():
            raise UsageError(f"--arg {text}: write it as name=value")
        if name.strip() in arguments:
            raise UsageError(f"--arg {name.strip()} is given twice")
        try:
            arguments[name.strip()] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UsageError(f"--arg {text}: the value is not YAML") from None
    return arguments


def without(spec: Spec, skipped: Sequence[str]) -> Spec:
    """A spec without some of its rules.

    Raises:
        UsageError: if one of them is not in the spec, or no rule is left.
    """
    from archcheck.rules import all_rules

    required = {requirement.rule.name for requirement in spec.requirements}
    for name in skipped:
        if name not in required:
            hint = closest(name, required, quoted=False)
            reason = (
                "the spec does not ask for it" if name in all_rules() else "there is no such rule"
            )
            raise UsageError(f"--skip {name}: {reason}{hint}")
    requirements = tuple(r for r in spec.requirements if r.rule.name not in skipped)
    if not requirements:
        raise UsageError("--skip leaves no rule to check")
    left = tuple(dict.fromkeys((*spec.skipped, *skipped)))
    return replace(spec, requirements=requirements, skipped=left)
