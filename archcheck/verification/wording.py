"""Failures of a network in sentences; until here they are data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from archcheck.phrases import shape_text
from archcheck.rules import Location
from archcheck.shell_words import worded
from archcheck.spec import Failure, Report, Spec, failed_to_run
from archcheck.worker import failures
from archcheck.worker.failures import how_it_ended

_DOING: dict[failures.Stage, str] = {
    "starts": "starting the process",
    "imports": "importing the file",
    "builds": "building the network",
    "runs": "forward",
}
_MAIN = '`if __name__ == "__main__":`'

PACKAGES = {
    "Crypto": "pycryptodome",
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""What pip calls packages whose modules have other names."""


def input_finding(error: failures.InputError) -> Failure:
    """Why a file could not be verified: it does not hold one network, say."""
    stage = "imports" if error.input == "reference" else "builds"
    return Failure(stage, str(error))


def not_run(error: Exception, spec: Spec, *, file: str, name: str = "") -> Report:
    """The report on a network that an error kept from being run."""
    failure = Failure("imports", str(error))
    if isinstance(error, failures.InputError):
        failure = input_finding(error)
    return failed_to_run(
        replace(failure, message=f"not run: {failure.message}"), spec, name=name, file=file
    )


def failure_finding(failure: failures.Failure) -> Failure:
    """Why a network could not be run, as the finding of a report."""
    locations = tuple(
        Location(place, failure.module, failure.module)
        for place in dict.fromkeys((failure.place, failure.called))
        if place is not None
    )
    stage = "runs" if failure.stage == "starts" else failure.stage
    return Failure(stage, _sentence(failure), locations, _hint(failure))


def _sentence(failure: failures.Failure) -> str:
    doing = _DOING[failure.stage]
    if failure.cause == "timeout":
        return f"{doing} {how_it_ended(failure)}"
    if failure.cause in ("died", "garbled"):
        return f"the network {how_it_ended(failure)} ({doing})"
    if failure.cause == "unknown":
        return failure.message
    if failure.stage != "runs":
        return f"{doing} failed: {failure.message}"
    if failure.cause != "raised":
        return failure.message
    at = f" ({failure.place})" if failure.place else ""
    where = f" in {failure.module}{at}" if failure.module else at
    return f"forward raised{where}: {failure.message}"


def _hint(failure: failures.Failure) -> str:
    parts = [
        _input_of_module(failure),
        failure.hint,
        _advice(failure.advice) if failure.advice is not None else "",
        _missing_names(failure),
    ]
    return "; ".join(part for part in parts if part)


def _advice(advice: failures.Advice) -> str:
    plain = worded("--load plain", 'load="plain"')
    texts: dict[failures.Advice, str] = {
        "more-inputs": f"the network takes more inputs: {_more_inputs()}",
        "fewer-inputs": f"the network takes fewer inputs: {_fewer_inputs()}",
        "indices": f"the input holds real numbers: say what it holds, like {_an_index()}",
        "no-cuda": "there is no CUDA here: take the device of the input, x.device",
        "prompt": f"the file asks for input while it is imported; put that under {_MAIN}",
        "main-guard": f"this runs whenever the file is imported: put it under {_MAIN}",
        "memory": f"it takes more memory than there is{worded(', or than --memory lets it', '')}",
        "move-above": f"move it above the network, or give {plain} for the network of an import",
        "load-plain": f"{plain} lets it",
        "own-file": "move the network to a file of its own, or give "
        f"{plain} to run all of this one",
    }
    return texts[advice]


def _more_inputs() -> str:
    return worded(
        "give --input for each, in order or by name",
        "give input_shape= a shape for each, or inputs= each by its name",
    )


def _fewer_inputs() -> str:
    return worded("give --input for each of them", "give input_shape= a shape for each of them")


def _an_index() -> str:
    return worded(
        "--input 128:int64:below=1000",
        'inputs=[{"shape": [128], "dtype": "int64", "below": 1000}]',
    )


def _input_of_module(failure: failures.Failure) -> str:
    if failure.input_shape is None or not failure.module:
        return ""
    source = f", out of {failure.input_from}" if failure.input_from else ""
    return f"input to {failure.module}: {shape_text(failure.input_shape)}{source}"


def _missing_names(failure: failures.Failure) -> str:
    if not failure.missing:
        return ""
    if failure.stage == "imports":
        packages = " ".join(PACKAGES.get(name, name) for name in failure.missing)
        where = Path(failure.place.file).name if failure.place else "the file that is checked"
        imports = "import" if len(failure.missing) == 1 else "imports"
        return f"pip install {packages}, or take the {imports} out of {where}"
    if failure.stage == "runs":
        name = failure.missing[0]
        given = worded(f"--input {name}=...", f'inputs={{"{name}": ...}}')
        return f"give it by its name: {given} (or `inputs: {{{name}: ...}}` in the spec)"
    options = " ".join(f"--arg {argument}=..." for argument in failure.missing)
    named = ", ".join(f'"{argument}": ...' for argument in failure.missing)
    in_spec = "(or `arguments:` in the spec)"
    return f"give them: {worded(options, f'arguments={{{named}}}')} {in_spec}"
