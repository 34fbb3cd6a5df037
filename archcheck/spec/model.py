"""A spec: what is asked of a network."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from archcheck.errors import closest
from archcheck.evidence import Needs, merged
from archcheck.lint import LINT, LintOptions, all_lint_rules
from archcheck.network.input_language import InputsError, read_input, read_inputs, read_variant
from archcheck.network.inputs import Inputs
from archcheck.plain_text import in_one_line
from archcheck.rules import Rule, all_rules
from archcheck.rules.options import CommonOptions
from archcheck.shipped_specs import UnknownName, spec_file
from archcheck.spec.document import Document, KeyPath, Source, parse_document, read_document
from archcheck.spec.entries import options_of
from archcheck.spec.errors import SpecError
from archcheck.spec.extends import complete

KEYS = ("title", "extends", "network", "input", "inputs", "variants", "arguments", "rules", "lint")
NETWORK = re.compile(
    r"(?!/|.*(?:^|/)\.\.(?:/|$))(?:[^:]+\.(?:py|ipynb)(?::(?!\d)[\w.]+)?|(?!\d)[\w.]+)"
)
"""What a folder's network may be called: ``Net``, ``net.py`` or ``src/net.py:Net``; no path that
leads out of the folder."""


@dataclass(frozen=True, repr=False)
class Requirement:
    """One entry of a spec: a rule and its options."""

    rule: Rule
    options: CommonOptions

    def __repr__(self) -> str:
        return f"<Requirement {self.name}>"

    @property
    def name(self) -> str:
        """The name of the entry, the rule's if it has none of its own."""
        return self.options.name or self.rule.name


@dataclass(frozen=True, repr=False)
class Spec:
    """A validated spec. ``inputs`` is what a network is given, ``variants`` are other inputs, by
    name, that it has to hold the rules for; ``bases`` are the files that ``file`` extends, the
    nearest first, ``skipped`` the rules that were taken out. ``network`` is what the network of a
    folder is called, empty if that is not said."""

    requirements: tuple[Requirement, ...]
    inputs: Inputs | None = None
    title: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    file: str = ""
    bases: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    variants: tuple[tuple[str, Inputs], ...] = ()
    network: str = ""

    def __repr__(self) -> str:
        name = self.title or self.file or "without a title"
        rules = ", ".join(dict.fromkeys(asked.name for asked in self.requirements))
        return f"<Spec {in_one_line(name)}: {in_one_line(rules) or 'no rules'}>"

    @property
    def only_lint(self) -> bool:
        """Whether nothing is asked but a lint."""
        return bool(self.requirements) and all(r.rule is LINT for r in self.requirements)

    @property
    def compares_batches(self) -> bool:
        """Whether it has to be the same network for another batch: a lint looks at that itself."""
        return not self.only_lint

    @property
    def needs(self) -> Needs:
        """What evidence the rules need."""
        return merged(asked.rule.needs(asked.options) for asked in self.requirements)


def linted(spec: Spec, options: LintOptions) -> Spec:
    """A spec that asks for a lint: for its own, if it does already."""
    if any(asked.rule is LINT for asked in spec.requirements):
        return spec
    return replace(spec, requirements=(*spec.requirements, Requirement(LINT, options)))


def load_spec(path: str | Path) -> Spec:
    """Read and validate a spec file (YAML or JSON), or a shipped spec by its name.

    A text without a slash and without one of the endings ``.yaml``, ``.yml`` and ``.json`` is such
    a name, whatever files there are.

    Raises:
        SpecError: with file, line and column, and the closest valid key where one is wrong.
    """
    return _valid(_read(path))


def parse_spec(text: str, file: str = "spec") -> Spec:
    """Validate a spec from its text. A path that it extends is relative to ``file``.

    Raises:
        SpecError: as :func:`load_spec`.
    """
    return _valid(parse_document(text, file))


def spec_from(data: dict[str, Any]) -> Spec:
    """Validate a spec given as Python data.

    Raises:
        SpecError: as :func:`load_spec`, without lines.
    """
    return _valid(Document(Source("", ""), data))


def spec_text(path: str | Path, *, resolved: bool = False) -> str:
    """The text of a spec as it is written; ``resolved`` is YAML with all that it extends.

    Raises:
        SpecError: if it cannot be read or, to be resolved, is wrong.
    """
    document = _read(path)
    if not resolved:
        return document.source.text.rstrip("\n") + "\n"
    _valid(document)
    data = {key: value for key, value in complete(document, []).data.items() if key != "extends"}
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)


def examine_spec(path: str | Path) -> tuple[Spec | None, tuple[SpecError, ...]]:
    """A spec file and everything that is wrong with it, line by line; the spec is None if
    anything is."""
    try:
        document = _read(path)
        spec, errors = _examined(document)
    except SpecError as error:
        return None, (error,)

    def place(error: SpecError) -> tuple[bool, str, int, int]:
        inherited = error.file != document.file
        return inherited, error.file, error.line or 0, error.column or 0

    return spec, tuple(sorted(errors, key=place))


def _read(path: str | Path) -> Document:
    try:
        return read_document(spec_file(path))
    except UnknownName as error:
        raise SpecError(str(error)) from None


def _valid(document: Document) -> Spec:
    spec, errors = _examined(document)
    if spec is None:
        raise errors[0]
    return spec


def _examined(document: Document) -> tuple[Spec | None, tuple[SpecError, ...]]:
    errors: list[SpecError] = []
    document = complete(document, errors)
    data = document.data
    if data is None or data == {}:
        return None, (document.error("the spec is empty; it needs at least `rules:` or `lint:`"),)
    if not isinstance(data, dict):
        return None, (document.error("a spec is a mapping with the key `rules:`"),)
    for key in data:
        if key not in KEYS:
            hint = closest(key, list(KEYS))
            if key in all_rules():
                hint = "; rules stand under `rules:`"
            errors.append(document.error(f'unknown key "{key}"{hint}', (key,), key=True))
    misspelt = bool(errors)
    title = data.get("title", "")
    if not isinstance(title, (str, int, float)):
        errors.append(document.error("title has to be text", ("title",)))
    network = _network(document, errors)
    arguments = data.get("arguments") or {}
    if not isinstance(arguments, dict):
        where: KeyPath = ("arguments",)
        errors.append(document.error("arguments is a mapping of names to values", where))
    # A misspelt `rules` is reported once.
    asks = "rules" in data or not (misspelt or "lint" in data)
    requirements = _requirements(document, errors) if asks else ()
    requirements += _lint(document, errors)
    inputs = _inputs(document, errors)
    variants = _variants(document, inputs, errors)
    if errors:
        return None, tuple(errors)
    return Spec(
        requirements=requirements,
        inputs=inputs,
        title=str(title),
        arguments=arguments,
        file=document.file,
        bases=document.bases,
        variants=variants,
        network=network,
    ), ()


def _lint(document: Document, errors: list[SpecError]) -> tuple[Requirement, ...]:
    if "lint" not in document.data:
        return ()
    entry = document.data["lint"]
    options = options_of(document, LINT, {} if entry is None else entry, ("lint",), errors)
    return () if options is None else (Requirement(LINT, options),)


def _network(document: Document, errors: list[SpecError]) -> str:
    if "network" not in document.data:
        return ""
    name = document.data["network"]
    if isinstance(name, str) and NETWORK.fullmatch(name):
        return name
    message = "network is a name in each folder: Net, net.py or src/net.py:Net"
    errors.append(document.error(message, ("network",)))
    return ""


def _inputs(document: Document, errors: list[SpecError]) -> Inputs | None:
    said = [key for key in ("input", "inputs") if key in document.data]
    if len(said) == 2:
        message = "input and inputs say the same: leave one of them out"
        errors.append(document.error(message, ("inputs",), key=True))
    if len(said) != 1:
        return None
    (key,) = said
    try:
        return (read_input if key == "input" else read_inputs)(document.data[key])
    except InputsError as error:
        errors += _located(document, error, (key,))
        return None


def _variants(
    document: Document, inputs: Inputs | None, errors: list[SpecError]
) -> tuple[tuple[str, Inputs], ...]:
    data = document.data.get("variants")
    where: KeyPath = ("variants",)
    if data is None:
        return ()
    if not isinstance(data, dict) or not data:
        errors.append(document.error("variants is a table of names and inputs", where))
        return ()
    if not {"input", "inputs"} & set(document.data):
        message = "variants stand beside the input that they are variants of: say `input` too"
        errors.append(document.error(message, where, key=True))
    variants = []
    for name, entry in data.items():
        try:
            variants.append((str(name), read_variant(entry, inputs or ())))
        except InputsError as error:
            errors += _located(document, error, (*where, name))
    return tuple(variants)


def _located(document: Document, error: InputsError, at: KeyPath) -> list[SpecError]:
    """What is wrong with inputs that stand at a path, with the lines."""
    return [
        document.error(fault.message, (*at, *fault.path), key=fault.key) for fault in error.faults
    ]


def _requirements(document: Document, errors: list[SpecError]) -> tuple[Requirement, ...]:
    rules = document.data.get("rules")
    if not rules:
        message = "the spec asks for nothing: put at least one rule under `rules:`"
        errors.append(document.error(message, ("rules",), key=True))
        return ()
    if not isinstance(rules, dict):
        message = "rules is a mapping of rule names to what they ask"
        errors.append(document.error(message, ("rules",)))
        return ()
    by_name = all_rules()
    requirements = []
    for name, entry in rules.items():
        if name not in by_name:
            hint = closest(name.replace("_", "-"), list(by_name))
            if name == LINT.name or name in all_lint_rules():
                hint = "; faults of any network are asked for under `lint:`, beside `rules:`"
            errors.append(document.error(f'unknown rule "{name}"{hint}', ("rules", name), key=True))
            continue
        entries = entry if isinstance(entry, list) else [entry]
        if not entries:
            errors.append(document.error(f"{name} asks for nothing", ("rules", name)))
        for number, item in enumerate(entries):
            path: KeyPath = ("rules", name)
            path = (*path, number) if isinstance(entry, list) else path
            options = options_of(document, by_name[name], item, path, errors)
            if options is not None:
                requirements.append(Requirement(by_name[name], options))
    return tuple(requirements)
