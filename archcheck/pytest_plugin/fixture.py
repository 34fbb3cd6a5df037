"""What tests that are written by hand ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from archcheck.api import as_spec, given_inputs, verify
from archcheck.network import Network
from archcheck.pytest_plugin.artifacts import Artifacts
from archcheck.pytest_plugin.reports import Reports, VerificationError, check_data, stage_of
from archcheck.pytest_plugin.settings import Model, Settings, resolved
from archcheck.report import Report
from archcheck.reporters.specs import error_text
from archcheck.reporters.text import finding_text
from archcheck.spec import Spec, SpecError
from archcheck.verification.beside import GivenPath
from archcheck.worker.reference import Reference

if TYPE_CHECKING:
    from torch import nn

_KEYS = (
    "spec",
    "model",
    "arguments",
    "weights",
    "data",
    "augmentation",
    "input_shape",
    "inputs",
)


class Archcheck:
    """The fixture ``archcheck``: a network and a spec, looked at when they are asked for."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._config = request.config
        self._given = _marked(request.node)

    @cached_property
    def spec(self) -> Spec:
        """The spec of the marker, else of the option or ini value.

        A test fails where there is none, or where it is wrong.
        """
        spec = self._given.get("spec")
        if spec is None:
            spec = self._settings.spec
            if not spec:
                pytest.fail(
                    "no spec is given: @pytest.mark.archcheck(spec=...), --archcheck-spec or "
                    "archcheck_spec",
                    pytrace=False,
                )
        try:
            if isinstance(spec, (Spec, Mapping)):
                return as_spec(spec)
            return Reports.of(self._config).spec(resolved(spec, self._settings.folder))
        except SpecError as error:
            text = error_text(error)
        except VerificationError as error:
            text = str(error)
        pytest.fail(text, pytrace=False)

    @cached_property
    def report(self) -> Report:
        """The report on the network of the marker, else of the option or ini value. The network is
        traced in a child process, at most once a run.

        A test fails where no report is possible; a network that cannot be run is a finding.
        """
        arguments = self._given.get("arguments") or {}
        reports = Reports.of(self._config)
        try:
            inputs = given_inputs(self._given.get("input_shape"), self._given.get("inputs"))
            report = reports.report(self._reference, self.spec, arguments, self._artifacts, inputs)
            check_data(self.spec, self._artifacts)
            return Report.of(report.get())
        except (VerificationError, ValueError, TypeError) as error:
            text = str(error)
        pytest.fail(text, pytrace=False)

    @property
    def network(self) -> Network:
        """The Network itself; a test fails where it cannot be imported, built or run."""
        network, stage = self.report.network, stage_of(self.report)
        if network is None:
            assert stage is not None
            pytest.fail(finding_text(stage), pytrace=False)
        return network

    def verify(
        self,
        network: nn.Module | Network | str | Path,
        spec: Spec | str | Path | Mapping[str, Any] | None = None,
        *,
        input_shape: Sequence[Any] | None = None,
        inputs: Mapping[str, Any] | Sequence[Any] | None = None,
        weights: str | Path | None = None,
        data: str | Path | None = None,
        augmentation: str | Path | None = None,
    ) -> Report:
        """:func:`archcheck.verify` under this fixture's spec, or another."""
        if isinstance(spec, (str, Path)):
            spec = resolved(spec, self._settings.folder)
        wanted = self.spec if spec is None else spec
        return verify(
            network,
            wanted,
            input_shape=input_shape,
            inputs=inputs,
            weights=weights,
            data=data,
            augmentation=augmentation,
        )

    # -- what is asked for ------------------------------------------------------------------

    @property
    def _settings(self) -> Settings:
        return Settings.of(self._config)

    @property
    def _artifacts(self) -> Artifacts:
        folder, default = self._settings.folder, self._settings.artifacts
        marked = {key: str(value) for key, value in self._given.items() if value is not None}
        return Artifacts(
            GivenPath(marked["weights"], folder) if "weights" in marked else default.weights,
            GivenPath(marked["augmentation"], folder)
            if "augmentation" in marked
            else default.augmentation,
            folder / marked["data"] if "data" in marked else default.data,
        )

    @property
    def _reference(self) -> Reference:
        model = self._given.get("model")
        settings = self._settings
        models = settings.models if model is None else (Model(str(model), settings.folder),)
        references = dict(pair for model in models for pair in model.references())
        if len(references) == 1:
            return next(iter(references.values()))
        names = ", ".join(model.text for model in models)
        if not models:
            text = "no network is named; say it with @pytest.mark.archcheck(model=...)"
        elif not references:
            text = f"there is no file {names} (in {settings.folder})"
        else:
            text = (
                f"{names} are {len(references)} networks and a test looks at one; say which with "
                "@pytest.mark.archcheck(model=...)"
            )
        pytest.fail(text, pytrace=False)


def _marked(node: pytest.Item) -> dict[str, Any]:
    """What the markers say, the closest last."""
    marked: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers("archcheck"))):
        unknown = [*marker.args, *(key for key in marker.kwargs if key not in _KEYS)]
        if unknown:
            pytest.fail(
                f"@pytest.mark.archcheck does not know {unknown[0]!r}; it takes "
                f"{', '.join(f'{key}=' for key in _KEYS)}",
                pytrace=False,
            )
        marked |= marker.kwargs
    return marked
