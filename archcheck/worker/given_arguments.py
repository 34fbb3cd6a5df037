"""What the arguments of a network mean: they are given as plain data, and some name things.

What a parameter says it takes, by its annotation or its default, decides:

- of text (``str``, ``Literal``, a default that is text) every text is one;
- of classes, functions and modules every text is a name;
- elsewhere a text is a name if it has a dot (``nn.ReLU``) and is one, or is that of a class or
  function which the file defines. A bare name of torch.nn may be either: that is refused.

``name:ReLU`` and ``text:ReLU`` say which. Names are those of the file, else of torch, torch.nn and
torch.nn.functional.
"""

from __future__ import annotations

import ast
import collections.abc
import dataclasses
import inspect
import re
import sys
import types
import typing
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Literal

import torch
from torch import nn

from archcheck.errors import closest
from archcheck.network import Remark
from archcheck.worker.failures import InputError
from archcheck.worker.signatures import unknown

_AS_NAME, _AS_TEXT = "name:", "text:"
_ABBREVIATIONS = {"nn": nn, "F": nn.functional, "functional": nn.functional, "torch": torch}
_MISSING = object()


class Settings(dict[str, Any]):
    """Named values, as a dictionary and as attributes: ``args["width"]`` and ``args.width``."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.__dict__ = self


class GivenArguments:
    """The values of arguments, and notes on those that were looked up by name."""

    def __init__(self, target: Any, module: ModuleType, arguments: Mapping[str, Any]) -> None:
        """Work out what ``arguments`` mean to ``target``, a class or function of ``module``.

        Raises:
            InputError: if a name is not there, or may be a text.
        """
        self.notes: list[Remark] = []
        self.texts: dict[str, str] = {}
        """Texts of parameters that do not say what they take."""
        self._module = module
        self._name = ""
        parameters = _parameters(target)
        self.values: dict[str, Any] = {}
        for self._name, value in arguments.items():
            hint, default = parameters.get(self._name, (_MISSING, _MISSING))
            self.values[self._name] = self._meant(value, hint, default)

    def _meant(self, value: Any, hint: Any, default: Any) -> Any:
        if isinstance(value, str):
            return self._text(value, hint, default)
        if isinstance(value, dict):
            return self._mapping(value, hint, default)
        if isinstance(value, list):
            return self._sequence(value, hint, default)
        return value

    def _sequence(self, value: list[Any], hint: Any, default: Any) -> Any:
        inner = default[0] if isinstance(default, (list, tuple)) and default else _MISSING
        items = [self._meant(item, _MISSING, inner) for item in value]
        is_tuple = isinstance(default, tuple) or _takes(hint, tuple)
        return tuple(items) if is_tuple else items

    def _mapping(self, value: dict[str, Any], hint: Any, default: Any) -> Any:
        kind = next((kind for kind in _options(hint) if _is_made_of(kind, value)), None)
        if kind is not None and not isinstance(default, dict):
            return self._made(kind, value)
        values = {key: self._meant(item, _MISSING, _MISSING) for key, item in value.items()}
        is_dict = isinstance(default, dict) or _takes(hint, dict, collections.abc.Mapping)
        if is_dict or not all(isinstance(key, str) for key in values):
            return values
        return Settings(values)

    def _made(self, kind: Any, value: Mapping[str, Any]) -> Any:
        given = GivenArguments(kind, self._module, value)
        self.notes += given.notes
        try:
            return kind(**given.values)
        except TypeError as error:
            raise self._wrong(f"{kind.__name__} cannot be made of it: {error}") from error

    def _text(self, text: str, hint: Any, default: Any) -> Any:
        if text.startswith(_AS_TEXT):
            return text.removeprefix(_AS_TEXT)
        if text.startswith(_AS_NAME):
            return self._named(text.removeprefix(_AS_NAME), hint)
        if isinstance(default, nn.Module):
            hint = nn.Module
        wants = _wants(hint, default)
        if text == "None" and (wants != "text" or _takes(hint, type(None))):
            return None
        if wants == "text":
            return text
        if wants == "name":
            return self._named(text, hint)
        if _takes(hint, tuple, list) or isinstance(default, (tuple, list)):
            listed = _tuple(f"({text})")  # 4,8 as --input takes it
            if listed is not None and not text.startswith("("):
                return self._sequence(list(listed), hint, default)
        if wants == "number":
            return _number(text)
        literal = _tuple(text)
        if literal is not None:
            return self._sequence(list(literal), tuple, default)
        return self._undecided(text, hint)

    def _undecided(self, text: str, hint: Any) -> Any:
        """A text where the parameter does not say what it takes."""
        found = self._find(text)
        if "." in text and found is not _MISSING:
            return self._named(text, hint)
        own = getattr(found, "__module__", None) == self._module.__name__
        if own and callable(found):
            return self._named(text, hint)
        if inspect.isclass(getattr(nn, text, None)) and found is not _MISSING:
            raise self._wrong(
                f"{text} may be the text or torch.nn.{text}: write nn.{text} or text:{text}"
            )
        self.texts[self._name] = text
        return text

    def hint(self, error: BaseException) -> str:
        """What to do if a constructor raised since a text may have been meant as a name."""
        if not re.match("'str' object (is not callable|has no attribute)", str(error)):
            return ""
        names = [*vars(self._module), *vars(nn)]
        return "; ".join(
            f"{name} is given as a text, which is no name of the file{closest(text, names)}"
            for name, text in self.texts.items()
        )

    def _named(self, name: str, hint: Any) -> Any:
        """The thing of a name; an instance of it where the parameter takes one.

        Raises:
            InputError: if there is no such thing.
        """
        found = self._find(name)
        if found is _MISSING:
            names = [*vars(self._module), *vars(nn), *vars(nn.functional)]
            raise self._wrong(
                f"there is no {name} in the file, torch.nn or torch.nn.functional"
                f"{closest(name, names, quoted=False)}"
            )
        if isinstance(found, type) and (dataclasses.is_dataclass(found) or _is_one(found, hint)):
            self._note(f"{found.__qualname__}()")
            return self._made(found, {})
        self._note(self._title(found, name))
        return found

    def _find(self, name: str) -> Any:
        first, _, rest = name.partition(".")
        owner = vars(self._module).get(first, _ABBREVIATIONS.get(first, _MISSING))
        if owner is _MISSING and rest:
            owner = sys.modules.get(first, _MISSING)
        if owner is _MISSING and not rest:
            owner = getattr(nn, first, getattr(nn.functional, first, _MISSING))
        for part in rest.split(".") if rest else []:
            owner = getattr(owner, part, _MISSING)
        return owner

    def _title(self, found: Any, name: str) -> str:
        kind = "class" if isinstance(found, type) else "function" if callable(found) else "value"
        for module in () if name in vars(self._module) else (nn, nn.functional):
            if getattr(module, name, None) is found:
                name = f"{module.__name__}.{name}"
        return f"the {kind} {name}"

    def _note(self, what: str) -> None:
        self.notes.append(Remark(f"the argument {self._name} is {what}"))

    def _wrong(self, text: str) -> InputError:
        return InputError(f"{self._name}: {text}", input="arguments")


def _parameters(target: Any) -> dict[str, tuple[Any, Any]]:
    """The annotation and the default of each parameter of a class or function."""
    try:
        signature = inspect.signature(target, eval_str=True)
    except Exception:  # a name in an annotation that is not there
        try:
            signature = inspect.signature(target)
        except (TypeError, ValueError):
            return {}
    return {
        each.name: (
            _MISSING if each.annotation is each.empty else each.annotation,
            _MISSING if each.default is each.empty else each.default,
        )
        for each in signature.parameters.values()
    }


def _options(hint: Any) -> tuple[Any, ...]:
    """The alternatives of an annotation: the parts of a union."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return typing.get_args(hint)
    return (hint,)


def _takes(hint: Any, *kinds: type) -> bool:
    """Whether an annotation, or one of its alternatives, is one of some classes."""
    return any((typing.get_origin(option) or option) in kinds for option in _options(hint))


def _wants(hint: Any, default: Any) -> Literal["text", "name", "number", ""]:
    """What a text given to a parameter is, empty if the parameter does not say."""
    options = [option for option in _options(hint) if option is not type(None)]
    texts = [option in (str, "str") or typing.get_origin(option) is Literal for option in options]
    if isinstance(default, str) or (texts and all(texts)):
        return "text"
    if any(texts):
        return ""
    if all(map(_is_of_names, options)) or callable(default):
        return "name"
    number = isinstance(default, (int, float)) or _takes(hint, int, float)
    return "number" if number and not isinstance(default, bool) else ""


def _is_of_names(option: Any) -> bool:
    """Whether an annotation is one of classes, functions, modules, or of a dataclass."""
    origin = typing.get_origin(option) or option
    if origin in (type, collections.abc.Callable, types.FunctionType):
        return True
    return isinstance(origin, type) and (
        issubclass(origin, nn.Module) or dataclasses.is_dataclass(origin)
    )


def _is_made_of(kind: Any, value: Mapping[str, Any]) -> bool:
    """Whether an annotation is a class whose instances are made of named values."""
    if not isinstance(kind, type) or kind.__module__ in ("builtins", "typing", "collections.abc"):
        return False
    return dataclasses.is_dataclass(kind) or not unknown(kind, value)


def _is_one(found: type, hint: Any) -> bool:
    """Whether a parameter takes an instance of a class."""
    kinds = [option for option in _options(hint) if isinstance(option, type) and option is not type]
    return any(issubclass(found, kind) for kind in kinds if kind is not object)


def _tuple(text: str) -> tuple[Any, ...] | None:
    """The tuple that a text is, as Python writes it; None if it is none."""
    if not text.startswith("("):
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None
    return value if isinstance(value, tuple) else (value,) if text.endswith(",)") else None


def _number(text: str) -> Any:
    """The number that a text is, such as ``1e-3``, else the text."""
    try:
        return float(text)
    except ValueError:
        return text
