"""The specs of a project's networks, and those of its networks that some files affect."""

from __future__ import annotations

from collections.abc import Sequence

from archcheck.cache.store import Store
from archcheck.cli.affected import Affected, Files, affected
from archcheck.cli.errors import UsageError
from archcheck.cli.many import Outcome
from archcheck.cli.options import without
from archcheck.cli.sources import sources_of, untracked
from archcheck.lint import LintOptions
from archcheck.reporters import formatting
from archcheck.spec import Spec, SpecError, linted, load_spec
from archcheck.verification.mapping import MappedNetwork
from archcheck.worker.failures import InputError


class Specs:
    """The specs of networks without the skipped rules; each file is read once. With ``lint`` all of
    them ask for a lint."""

    def __init__(self, skip: Sequence[str], lint: LintOptions | None = None) -> None:
        self._skip = skip
        self._lint = lint
        self._loaded: dict[str, Spec | SpecError] = {}

    def of(self, network: MappedNetwork) -> Spec:
        """The spec that a network is held to.

        Raises:
            SpecError: if it cannot be read, or the input's shape is not known.
            UsageError: if all of its rules are skipped.
        """
        spec = self._read(network.spec)
        if self._lint is not None:
            spec = linted(spec, self._lint)
        if network.submission.inputs is None and spec.inputs is None:
            raise SpecError(
                "the input's shape is not known: add `input: [3, 32, 32]` to the spec, or "
                f"`input = [3, 32, 32]` to {network} in [tool.archcheck.networks]",
                file=spec.file,
            )
        required = {requirement.rule.name for requirement in spec.requirements}
        if required <= set(self._skip):
            raise UsageError(f"every rule of {formatting.path(spec.file)} is skipped")
        return without(spec, [rule for rule in self._skip if rule in required])

    def _read(self, file: str) -> Spec:
        if file not in self._loaded:
            try:
                self._loaded[file] = load_spec(formatting.path(file))
            except SpecError as error:
                self._loaded[file] = error
        spec = self._loaded[file]
        if isinstance(spec, SpecError):
            raise spec
        return spec


def affected_networks(
    networks: Sequence[MappedNetwork],
    files: Files,
    specs: Specs,
    store: Store | None,
    outcome: Outcome,
) -> list[MappedNetwork]:
    """The networks that some files affect; a spec that cannot be read is an error.

    Networks for which this is unknown are included, unless git does not track them yet: a hook
    checks what is committed.
    """
    selected, unknown = [], []
    for network in networks:
        try:
            answer = affected(files, sources_of(network, specs.of(network), store))
        except (SpecError, UsageError, InputError) as error:
            outcome.add_error(network, error)
            continue
        if answer is not Affected.no:
            selected.append(network)
        if answer is Affected.unknown:
            unknown.append(network)
    new_files = untracked(unknown)
    return [n for n in selected if n not in unknown or n.file not in new_files]


def about_setting(network: MappedNetwork, error: InputError) -> Exception:
    """An error that names the network, and the setting that would mend it."""
    where = "" if error.says_where else f"{network}: "
    hint = "; [tool.archcheck] takes `arguments` for a network"
    return UsageError(f"{where}{error}{hint if error.input == 'arguments' else ''}")
