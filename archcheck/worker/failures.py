"""What can go wrong between a reference and a result, as data that crosses processes.

A failure says what happened, in fields. Sentences, and the names of options in them, are made by
the shell (:mod:`archcheck.verification.wording`): no behaviour hangs on the text of a message.
"""

from __future__ import annotations

import re
import signal
from typing import Literal

import msgspec

from archcheck.network import Place

Stage = Literal["starts", "imports", "builds", "runs"]
"""How far it was: the process starts, the file is imported, the network built, forward run."""
Cause = Literal[
    "raised",  # the user's code raised; the message is the exception in one line
    "unusable",  # the network ran, but what it did is of no use; the message is a sentence
    "timeout",  # the time limit was over
    "died",  # the process ended
    "misfit",  # the weights do not fit the network
    "unknown",  # what the result would be cannot be told; nothing is held against the network
    "garbled",  # the process answered what it was not asked
]
Input = Literal["network", "arguments", "weights", "data", "augmentation"]
"""What the caller gives, and may get wrong."""
Advice = Literal["more-inputs", "fewer-inputs", "indices", "no-cuda", "prompt"]
"""What to do about a common error, where the error alone says it."""


class InputError(Exception):
    """What the caller gave is wrong: no such file, no such name, weights that cannot be read.

    Not the network's fault: the command line exits with 2. ``input`` says which of the inputs it
    is, ``subject`` the file or folder, where it is about one beside the network; ``says_where``
    whether the message names the network's file.
    """

    def __init__(
        self,
        message: str,
        *,
        input: Input = "network",
        subject: str = "",
        says_where: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.input: Input = input
        self.subject = subject
        self.says_where = says_where

    def __str__(self) -> str:
        """The message without any option's name: ``weights net.pt: there is no such file``."""
        return f"{self.input} {self.subject}: {self.message}" if self.subject else self.message


class StartError(Exception):
    """The process that runs the network could not start: torch is missing, say."""


class NetworkError(Exception):
    """The network cannot be imported, built or run. This is a finding, not a broken run.

    ``missing`` are names that are not there: of arguments that the constructor wants
    (``builds``), of the module that is not installed (``imports``).
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
        )


class ImportFailure(NetworkError):
    """The file or module raised while it was imported."""

    stage = "imports"


class BuildError(NetworkError):
    """The constructor raised, or wants arguments."""

    stage = "builds"


class RunError(NetworkError):
    """The forward pass raised, or returned no tensor."""

    stage = "runs"


class Failure(msgspec.Struct, frozen=True):
    """What went wrong, as data.

    Attributes:
        stage: how far it was.
        cause: what happened.
        message: for ``raised`` the exception in one line, else a sentence where one is needed.
        module, place, called: the module that failed, its line, and the line that called it.
        input_shape, input_from: what that module was given, and which module made it.
        advice, hint, missing: what to do about it; see :class:`NetworkError`.
        seconds: the limit that was over, for ``timeout``.
        exit_code: for ``died`` that of the process, negative for a signal; None if it went on
            but closed its answers.
        output: the end of what the network printed.
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


_COMMON: dict[str, Advice] = {
    r"forward\(\) missing \d+ required positional": "more-inputs",
    r"forward\(\) takes \d+ positional arguments? but": "fewer-inputs",
    r"scalar types: Long, Int": "indices",
    r"not compiled with CUDA|Found no NVIDIA driver": "no-cuda",
}
"""Common errors by what Python and torch say of them."""


def advice_on(error: BaseException) -> Advice | None:
    """What to do about a common error, None if nothing is known."""
    text = describe(error)
    return next((advice for said, advice in _COMMON.items() if re.search(said, text)), None)


def how_it_ended(failure: Failure) -> str:
    """What a process did that gave no answer, behind the name of what it ran."""
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
