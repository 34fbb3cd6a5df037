"""The process that runs the user's code: it does one job, sends the result, and exits.

Only this process imports torch and the submission. Whatever the submission prints goes to
standard error; messages to the caller go through a private copy of standard output.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

if TYPE_CHECKING:  # at run time these are imported after torch
    from archcheck.worker.protocol import Job, Message
    from archcheck.worker.session import Session

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def main(modules: Sequence[str]) -> None:
    """Do one job from standard input; ``modules`` are imported beforehand."""
    parent = os.getppid()
    die_with_parent()
    gc.disable()  # collecting garbage during the imports only costs time
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    prepare(modules)
    do_one_job(answers, parent)


def prepare(modules: Sequence[str]) -> None:
    """Import all that jobs need, while the caller reads the spec and before any clock runs."""
    own = ("absent_device_modules", "loading", "session")
    for name in (*(f"archcheck.worker.{each}" for each in own), *modules):
        importlib.import_module(name)
    from archcheck.worker.library_env import set_when_imported

    set_when_imported()


def do_one_job(answers: BinaryIO, parent: int) -> None:
    """Read a job from standard input, answer it, and end the process."""
    from archcheck.worker.protocol import unpack_job

    body = _read(sys.stdin.buffer)
    if body is None:
        os._exit(0)
    job = unpack_job(body)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    gc.freeze()  # what torch has created lives as long as the process: never scan it
    gc.enable()
    _serve(job, answers, parent)


def die_with_parent(by: int = signal.SIGKILL) -> None:
    """Have the kernel send this process a signal when its parent ends, if it can (Linux).

    The watchdog does the same, but cannot while the submission holds the interpreter.
    """
    _process_control(PR_SET_PDEATHSIG, by)


def adopt_orphans() -> None:
    """Become the parent of all processes below this one whose own parents have ended (Linux)."""
    _process_control(PR_SET_CHILD_SUBREAPER, 1)


def _process_control(option: int, value: int) -> None:
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(option, value)


def _read(stream: BinaryIO) -> bytes | None:
    head = stream.read(4)
    if len(head) < 4:
        return None
    return stream.read(int.from_bytes(head, "big"))


def _serve(job: Job, answers: BinaryIO, parent: int) -> NoReturn:
    from archcheck.worker.absent_device_modules import stand_in_for_devices
    from archcheck.worker.crashes import write_crashes
    from archcheck.worker.failures import Failure, InputError, NetworkError, describe
    from archcheck.worker.faults import fault_of
    from archcheck.worker.protocol import Failed, Refused
    from archcheck.worker.seeding import seed
    from archcheck.worker.session import Session
    from archcheck.worker.working_folder import follow_files

    session = Session(answers, parent, job)
    session.watch()
    write_crashes()
    try:
        function, request = _function(job)
        sys.argv = [job.script]
        seed()
        stand_in_for_devices()
        follow_files()
        session.finish(_done(function(request, session), session))
    except InputError as error:
        session.finish(Refused.of(error))
    except NetworkError as error:
        session.finish(Failed(error.failure()))
    except BaseException as error:  # the submission may raise anything at all
        place = fault_of(error).place
        session.finish(Failed(Failure(session.stage, "raised", describe(error), place=place)))
    os._exit(0)


def _function(job: Job) -> tuple[Callable[[Any, Session], Any], Any]:
    """The job's function, and its request, decoded as the type of its first parameter."""
    import typing

    import msgspec

    module, _, name = job.function.partition(":")
    function = getattr(importlib.import_module(module), name)
    request_type = next(iter(typing.get_type_hints(function).values()))
    return function, msgspec.msgpack.decode(job.request, type=request_type)


def _done(result: Any, session: Session) -> Message:
    from archcheck.worker.failures import Failure
    from archcheck.worker.protocol import Done, Failed, raw

    session.over()
    try:
        return Done(raw(result))
    except (TypeError, ValueError, OverflowError) as error:
        text = f"what was seen cannot be handed on ({type(error).__name__})"
        return Failed(Failure(session.stage, "unusable", text))
