"""What can go wrong between a reference and a result, as data that crosses processes.

A failure says in fields what happened. Sentences, and the names of options in them, are made in
:mod:`archcheck.verification.wording`: no behaviour depends on the text of a message.
"""

from __future__ import annotations

import re
import signal
from typing import Literal

import msgspec

from archcheck.network import Place

Stage = Literal["starts", "imports", "builds", "runs"]
"""How far the process was: starting, importing the file, building the network, running it."""
Cause = Literal[
    "raised",  # the user's code raised; the message is the exception in one line
    "unusable",  # the network ran, but its result cannot be used; the message is a sentence
    "timeout",  # the time limit was over
    "died",  # the process ended
    "misfit",  # the weights do not fit the network
    "unknown",  # the result cannot be known; the network is not blamed
    "garbled",  # the process sent an answer of another kind
]
Input = Literal["reference", "network", "arguments", "weights", "data", "augmentation"]
"""The inputs that may be wrong: a file or module that is not there (``reference``), one that does
not hold one network (``network``), and what is given beside it."""
Advice = Literal[
    "more-inputs",
    "fewer-inputs",
    "indices",
    "no-cuda",
    "prompt",
    "main-guard",
    "memory",
    "load-plain",
    "own-file",
    "move-above",
]
"""What to do about a common error that can be recognised by itself."""


class InputError(Exception):
    """An input is wrong: no such file, no such name, weights that cannot be read.

    The command line exits with 2, but a file that does not hold one network is a finding on that
    file. ``input`` is the kind of input,
    ``subject`` the file or folder beside the network, if it is about one; ``says_where`` is
    whether the message names the network's file; ``choices`` are the networks of a file that holds
    several.
    """

    def __init__(
        self,
        message: str,
        *,
        input: Input = "network",
        subject: str = "",
        says_where: bool = False,
        choices: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.choices = choices
        self.input: Input = input
        self.subject = subject
        self.says_where = says_where

    def __str__(self) -> str:
        """The message without any option's name: ``weights net.pt: there is no such file``."""
        return f"{self.input} {self.subject}: {self.message}" if self.subject else self.message


class StartError(Exception):
    """The process that runs the network could not start: torch is not installed, say."""


class NetworkError(Exception):
    """The network cannot be imported, built or run. This is a finding, not an error of the run.

    ``missing`` has the names of the arguments that the constructor needs (``builds``), of the
    module that is not installed (``imports``), or of the inputs that forward takes by name only
    (``runs``).
    """

    stage: Stage = "runs"
    cause: Cause = "raised"

    def __init__(
        self,
        message: str,
        *,
        cause: Cause | None = None,
        module: str = "",
        place: Place | None = None,
        called: Place | None = None,
        input_shape: tuple[int, ...] | None = None,
        input_from: str | None = None,
        advice: Advice | None = None,
        hint: str = "",
        missing: tuple[str, ...] = (),
        is_no_python: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.cause = cause or self.cause
        self.module = module
        self.place = place
        self.called = called
        self.input_shape = input_shape
        self.input_from = input_from
        self.advice = advice
        self.hint = hint
        self.missing = missing
        self.is_no_python = is_no_python

    def failure(self) -> Failure:
        """The error as data."""
        return Failure(
            self.stage,
            self.cause,
            self.message,
            module=self.module,
            place=self.place,
            called=self.called,
            input_shape=self.input_shape,
            input_from=self.input_from,
            advice=self.advice,
            hint=self.hint,
            missing=self.missing,
            is_no_python=self.is_no_python,
        )


class ImportFailure(NetworkError):
    """The file or module raised an exception while it was imported."""

    stage = "imports"


class BuildError(NetworkError):
    """The constructor raised an exception, or needs arguments."""

    stage = "builds"


class RunError(NetworkError):
    """The forward pass raised an exception, or returned no tensor."""

    stage = "runs"


class Failure(msgspec.Struct, frozen=True):
    """What went wrong, as data.

    Attributes:
        stage: how far the process was.
        cause: what happened.
        message: for ``raised`` the exception in one line, else a sentence or nothing.
        module, place, called: the module that failed, its line, and the line that called it.
        input_shape, input_from: the shape of that module's input, and the module that made it.
        advice, hint, missing: what to do about it; see :class:`NetworkError`.
        seconds: for ``timeout`` the limit.
        exit_code: for ``died`` that of the process, negative for a signal; None if it went on
            but closed its pipe.
        output: the end of what the network printed.
        is_no_python: whether the file cannot be read as Python.
    """

    stage: Stage = "runs"
    cause: Cause = "raised"
    message: str = ""
    module: str = ""
    place: Place | None = None
    called: Place | None = None
    input_shape: tuple[int, ...] | None = None
    input_from: str | None = None
    advice: Advice | None = None
    hint: str = ""
    missing: tuple[str, ...] = ()
    seconds: float = 0.0
    exit_code: int | None = None
    output: str = ""
    is_no_python: bool = False


def describe(error: BaseException) -> str:
    """An exception in one line that any serialiser accepts."""
    if isinstance(error, SystemExit):
        return f"sys.exit({error.code!r})"
    name = type(error).__name__
    try:
        lines = str(error).strip().splitlines()
    except Exception:
        lines = []  # its __str__ raises
    text = f"{name}: {lines[0]}" if lines else name
    if lines and lines[0].startswith("The following operation failed in the TorchScript"):
        text = lines[-1]  # the error itself
    return text.encode("utf-8", "replace").decode()


_COMMON: dict[str, Advice] = {
    r"forward\(\) missing \d+ required (positional|keyword-only)": "more-inputs",
    r"forward\(\) takes \d+ positional arguments? but": "fewer-inputs",
    r"scalar types: Long, Int": "indices",
    r"not compiled with CUDA|Found no NVIDIA driver": "no-cuda",
    r"^MemoryError|can't allocate memory|Cannot allocate memory": "memory",
}
"""Common errors by the messages of Python and torch."""


def advice_on(error: BaseException) -> Advice | None:
    """What to do about a common error, None if nothing is known."""
    text = describe(error)
    return next((advice for regex, advice in _COMMON.items() if re.search(regex, text)), None)


def how_it_ended(failure: Failure) -> str:
    """How a process ended without an answer, as the predicate of a sentence."""
    if failure.cause == "timeout":
        return f"did not return within {failure.seconds:g} seconds"
    if failure.cause == "garbled":
        return "answered out of turn"
    if failure.cause != "died":
        return failure.message
    if failure.exit_code is None:
        return "closed its answer and went on"
    if failure.exit_code < 0:
        return f"was killed by {_signal_name(-failure.exit_code)}"
    return f"ended the process with exit code {failure.exit_code}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
