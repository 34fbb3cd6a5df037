"""Loading weights into a model from safetensors, or from a state dict that torch saved."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from archcheck.limited_file import read_at_most
from archcheck.phrases import in_order, shape_text, some_of
from archcheck.worker.failures import InputError, describe
from archcheck.worker.surroundings import memory_bounded

WRAPPERS = ("state_dict", "model_state_dict", "model", "network", "net")
"""Keys under which training programs store a state dict, beside the epoch and the optimiser."""
PREFIXES = ("module.", "_orig_mod.")
"""Prefixes that DataParallel and torch.compile put in front of all names."""
INFIX = "._orig_mod."
"""What torch.compile puts into the names of a compiled part."""
MOST_BYTES = 1 << 33
"""Larger files are not read."""
COPIES, ROOM_BYTES = 6, 1 << 29
"""Reading a checkpoint takes no more memory than so many copies of it, and so many bytes more."""
NAMES_SHOWN = 3
"""The most names that a message lists."""


class Misfit(Exception):
    """The weights belong to another network; the message says which names and shapes differ."""


@dataclass(frozen=True)
class Weights:
    """The tensors of a checkpoint by name, and the fingerprint of its file.

    ``remark`` names the keys that they stood under, empty if none.
    """

    state: Mapping[str, Any]
    sha256: str
    remark: str = ""


def load_weights(model: nn.Module, weights: Weights, file: str) -> None:
    """Load the weights read from ``file`` into a model.

    Raises:
        InputError: if they do not fit it.
    """
    try:
        load_into(model, weights)
    except Misfit as error:
        raise _wrong(file, f"it does not fit the network: {error}") from None


def read_weights(file: str) -> Weights:
    """The weights in a file, on the CPU. Only tensors are unpickled.

    A state dict may stand under one of ``WRAPPERS``.

    Raises:
        InputError: if they cannot be read.
    """
    try:
        content = read_at_most(file, MOST_BYTES)
    except FileNotFoundError:
        raise _wrong(file, "there is no such file") from None
    except OSError as error:
        raise _wrong(file, str(error.strerror or error)) from None
    state, taken = _parsed(file, content), []
    while isinstance(state, Mapping):
        wrapper = next((key for key in WRAPPERS if isinstance(state.get(key), Mapping)), None)
        if wrapper is None:
            break
        state = state[wrapper]
        taken.append(wrapper)
    if not isinstance(state, Mapping) or not _tensors(state):
        keys = (
            f" (but {some_of(list(state), NAMES_SHOWN)})"
            if isinstance(state, Mapping) and state
            else ""
        )
        raise _wrong(
            file,
            f"it holds no weights by name{keys}: "
            "save a state dict, torch.save(net.state_dict(), file)",
        )
    remark = f"under {'.'.join(taken)}" if taken else ""
    return Weights(state, hashlib.sha256(content).hexdigest(), remark)


def read_alone(file: str) -> Weights:
    """As :func:`read_weights`, in a process of its own: with a limit on the memory that this takes.

    Raises:
        InputError: if they cannot be read, or take far more memory than the file has bytes.
    """
    size = Path(file).stat().st_size if Path(file).is_file() else 0
    with memory_bounded(COPIES * size + ROOM_BYTES):
        return read_weights(file)


def load_into(model: nn.Module, weights: Weights) -> str:
    """Load weights into a model; their names may begin with some of ``PREFIXES``.

    Returns:
        What was removed to find the weights and their names, empty if nothing.

    Raises:
        Misfit: if one is missing, unexpected or of another shape. Some may have been loaded by
            then.
    """
    own = model.state_dict(keep_vars=True)
    state, remark = _without_prefixes(weights, own)
    try:
        result: Any = model.load_state_dict(state, strict=False)
    except Exception as error:
        problems = _problems(
            # Batch normalisation works without its count.
            [n for n in own if n not in state and not n.endswith("num_batches_tracked")],
            [name for name in state if name not in own],
            _other_shapes(own, state),
        )
        last = (
            str(error).strip().rpartition("\n")[2].strip()
        )  # torch's message begins with a headline
        raise Misfit(problems or last or describe(error)) from None
    problems = _problems(
        _untied(getattr(result, "missing_keys", ()), own, state),
        getattr(result, "unexpected_keys", ()),
        [],
    )
    if problems:
        raise Misfit(problems)
    return remark


def _unpacked_size(content: bytes) -> int:
    """The bytes that the parts of an archive have together; 0 for what is no archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError):
        return 0


def _parsed(file: str, content: bytes) -> Any:
    size = _unpacked_size(content)
    if size > len(content):  # torch writes archives that are not compressed
        raise _wrong(
            file,
            f"it is no file that torch saved: its {len(content):,} bytes unpack to {size:,}",
        )
    try:
        if Path(file).suffix == ".safetensors" or content[8:9] == b"{":
            import safetensors.torch

            return safetensors.torch.load(content)
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:
        foreign = re.search(r"GLOBAL (\S+)", str(error))
        if foreign is not None:
            raise _wrong(
                file,
                f"it holds more than tensors: to read it {foreign[1]} would be run; "
                "save the state dict alone, torch.save(net.state_dict(), file)",
            ) from None
        reason = _reason(error) if content else "it is empty"
        raise _wrong(file, f"it cannot be read as a checkpoint: {reason}") from None


def _wrong(file: str, reason: str) -> InputError:
    return InputError(reason, input="weights", subject=file)


def _reason(error: Exception) -> str:
    """An error in one line, without torch's advice to load the file all the same, which is unsafe
    for a file from an unknown source."""
    inner = re.search(r"WeightsUnpickler error: (.+)", str(error))
    if inner is not None:
        return inner[1].strip()
    if "weights_only" in str(error):
        return "it is damaged, or no file that torch saved"
    return describe(error).partition(". ")[0]


def _tensors(state: Mapping[Any, Any]) -> bool:
    return all(isinstance(name, str) for name in state) and any(
        isinstance(value, torch.Tensor) for value in state.values()
    )


def _without_prefixes(weights: Weights, own: Collection[str]) -> tuple[dict[str, Any], str]:
    state: dict[str, Any] = OrderedDict(weights.state)
    if hasattr(weights.state, "_metadata"):  # versions of the modules, which some need when loading
        state._metadata = weights.state._metadata  # type: ignore[attr-defined]
    taken = ""
    while True:
        prefix = next((p for p in PREFIXES if all(name.startswith(p) for name in state)), None)
        if prefix is None or any(name.startswith(prefix) for name in own):
            break
        state = {name.removeprefix(prefix): value for name, value in state.items()}
        taken += prefix
    if any(INFIX in name for name in state) and not any(INFIX in name for name in own):
        # A part of the network was compiled, which it is not here.
        state = {name.replace(INFIX, "."): value for name, value in state.items()}
        taken += INFIX[1:]
    parts = [weights.remark, f"with {taken} taken off the names" if taken else ""]
    return state, ", ".join(part for part in parts if part)


def _untied(missing: Sequence[str], own: Mapping[str, Any], state: Mapping[str, Any]) -> list[str]:
    """Names that are really missing: safetensors stores a tensor that has two names under one."""
    there = {id(own[name]) for name in state if name in own}
    return [name for name in missing if name not in own or id(own[name]) not in there]


def _other_shapes(own: Mapping[str, Any], state: Mapping[str, Any]) -> list[str]:
    return [
        f"{name}: file {shape_text(state[name].shape)}, network {shape_text(own[name].shape)}"
        for name in state
        if isinstance(state[name], torch.Tensor)
        and isinstance(own.get(name), torch.Tensor)
        and not is_lazy(own[name])
        and state[name].shape != own[name].shape
    ]


def _problems(missing: Iterable[str], unexpected: Iterable[str], shapes: Iterable[str]) -> str:
    """What does not fit, in an order that does not depend on that of the file."""
    missing, unexpected, shapes = (sorted(n, key=in_order) for n in (missing, unexpected, shapes))
    parts = []
    if missing:
        parts.append(f"it does not have {some_of(missing, NAMES_SHOWN)}")
    if unexpected:
        parts.append(f"it has more than the network: {some_of(unexpected, NAMES_SHOWN)}")
    if shapes:
        parts.append(some_of(shapes, NAMES_SHOWN))
    return "; ".join(parts)
