"""The name of a training script, as it is given on the command line."""

from __future__ import annotations

from archcheck.shell_words import worded
from archcheck.worker.failures import InputError
from archcheck.worker.reference import Reference, file_and_name, python_file


def parse_script(text: str) -> Reference:
    """Read ``FILE`` or ``FILE:NAME``, where the name is that of a pipeline in it.

    Raises:
        InputError: if there is no such Python file.
    """
    head, name = file_and_name(text)
    file = python_file(head, "builds the pipeline") if head else None
    if file is not None:
        return Reference(str(file), "", name)
    written = worded("--augmentation FILE or FILE:NAME", 'augmentation="FILE" or "FILE:NAME"')
    message = f"there is no file {head}; write {written}"
    raise InputError(message, input="reference")
