"""Lightning's modules without Lightning: they are nn.Modules, as far as a network is concerned."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

_PACKAGES = ("pytorch_lightning", "lightning", "lightning_lite", "lightning_fabric")


class _Hyperparameters(dict[str, Any]):
    """Arguments that are read as attributes, too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


class LightningModule(nn.Module):
    """An nn.Module with what Lightning's has for the training around it."""

    CHECKPOINT_HYPER_PARAMS_KEY = "hyper_parameters"
    automatic_optimization = True
    example_input_array = None
    trainer = None
    logger = None
    current_epoch = 0
    global_step = 0
    global_rank = 0
    local_rank = 0

    @property
    def device(self) -> torch.device:
        """Where its parameters lie."""
        return next((p.device for p in self.parameters()), torch.device("cpu"))

    @property
    def dtype(self) -> torch.dtype:
        """The type of its parameters."""
        return next((p.dtype for p in self.parameters()), torch.get_default_dtype())

    @property
    def hparams(self) -> _Hyperparameters:
        """The arguments that were saved."""
        return self.__dict__.setdefault("_hparams", _Hyperparameters())  # type: ignore[no-any-return]

    def save_hyperparameters(self, *args: Any, ignore: Any = (), **kwargs: Any) -> None:
        """Keep the arguments of the constructor that calls this: all, or those that are named."""
        given = _arguments(sys._getframe(1))
        names = [each for each in args if isinstance(each, str)]
        left_out = [ignore] if isinstance(ignore, str) else list(ignore or ())
        for value in args:
            if isinstance(value, Mapping):
                self.hparams.update(value)
            elif not isinstance(value, str):
                self.hparams.update(vars(value))
        if names or not args:
            chosen = names or [name for name in given if name not in left_out]
            self.hparams.update({name: given[name] for name in chosen})

    def log(self, *args: Any, **kwargs: Any) -> None:
        """Nothing is logged."""

    log_dict = print = log

    def freeze(self) -> None:
        """Its parameters are not trained."""
        self.requires_grad_(False)
        self.eval()


class LightningDataModule:
    """What Lightning's data modules are derived from."""

    def save_hyperparameters(self, *args: Any, **kwargs: Any) -> None:
        """Nothing is kept."""


def lightning_class(path: str) -> type | None:
    """The class that stands for one of Lightning's; None for what only stands in."""
    top, _, rest = path.partition(".")
    if top not in _PACKAGES:
        return None
    classes = {"LightningModule": LightningModule, "LightningDataModule": LightningDataModule}
    return classes.get(rest.rpartition(".")[2])


def _arguments(frame: Any) -> dict[str, Any]:
    """The arguments of the function that a frame runs."""
    code, values = frame.f_code, frame.f_locals
    count = code.co_argcount + code.co_kwonlyargcount
    given = {name: values[name] for name in code.co_varnames[1:count] if name in values}
    has_args, has_kwargs = bool(code.co_flags & 0x04), bool(code.co_flags & 0x08)
    if has_kwargs:
        given.update(values.get(code.co_varnames[count + has_args], {}))
    return given
