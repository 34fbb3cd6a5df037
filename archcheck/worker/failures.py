"""What can go wrong between a reference and a Network, as data that crosses processes."""

from __future__ import annotations

import re

import msgspec

from archcheck.network import Place


class BadReference(Exception):
    """The reference itself is wrong: no such file, no such name, several networks to choose from.

    Not the network's fault but the caller's: the command line exits with 2.
    """


class StartError(Exception):
    """The process that runs the network could not start: torch is missing, say."""


class NetworkError(Exception):
    """The network cannot be imported, built or run. This is a finding, not a broken run.

    ``stage`` is ``imports``, ``builds`` or ``runs``.
    """

    stage = "runs"

    def __init__(
        self,
        message: str,
        *,
        module: str = "",
        place: Place | None = None,
        called: Place | None = None,
        input_shape: tuple[int, ...] | None = None,
        input_from: str | None = None,
        hint: str | None = None,
        output: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.module = module
        self.place = place
        self.called = called
        self.input_shape = input_shape
        self.input_from = input_from
        self.hint = hint
        self.output = output

    def failure(self) -> Failure:
        """The error as data."""
        return Failure(
            self.stage,
            self.message,
            self.module,
            self.place,
            self.called,
            self.input_shape,
            self.input_from,
            self.hint,
            self.output,
        )


class ImportFailure(NetworkError):
    """The file or module raised, or never returned, while it was imported."""

    stage = "imports"


class BuildError(NetworkError):
    """The constructor raised."""

    stage = "builds"


class RunError(NetworkError):
    """The forward pass raised, or returned no tensor."""

    stage = "runs"


class Failure(msgspec.Struct, frozen=True):
    """A :class:`NetworkError` as data: ``output`` is the end of what the network printed."""

    stage: str
    message: str
    module: str = ""
    place: Place | None = None
    called: Place | None = None
    input_shape: tuple[int, ...] | None = None
    input_from: str | None = None
    hint: str | None = None
    output: str = ""


def describe(error: BaseException) -> str:
    """An exception in one line that any serialiser takes."""
    if isinstance(error, SystemExit):
        return f"sys.exit({error.code!r})"
    name = type(error).__name__
    try:
        lines = str(error).strip().splitlines()
    except Exception:
        lines = []  # an exception whose text raises has none
    text = f"{name}: {lines[0]}" if lines else name
    return text.encode("utf-8", "replace").decode()


_MORE = "the network takes more inputs: give --input for each of them, in order"
_FEWER = "the network takes fewer inputs: give --input for each of them"
_INDICES = "the input holds real numbers: for indices call x.long() in forward"
_CUDA = "there is no CUDA here: take the device of the input, x.device"
_ADVICE = {
    r"forward\(\) missing \d+ required positional": _MORE,
    r"forward\(\) takes \d+ positional arguments? but": _FEWER,
    r"scalar types: Long, Int": _INDICES,
    r"not compiled with CUDA|Found no NVIDIA driver": _CUDA,
}


def advice(error: BaseException) -> str | None:
    """What to do about a common error, None if nothing is known."""
    text = describe(error)
    return next((said for pattern, said in _ADVICE.items() if re.search(pattern, text)), None)
