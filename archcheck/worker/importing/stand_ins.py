"""Stand-ins for modules that are missing, as long as the network does without them.

An attribute of a stand-in is a stand-in, and what it returns while the file is imported is one too.
They may be named, stored and called there. What a network needs of them, to be built or to be run,
raises :class:`Needed`; so does what decides anything: a condition, a number, a loop.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from torch import nn

from archcheck.worker.failures import Stage
from archcheck.worker.importing.lightning import lightning_class
from archcheck.worker.owners import Owner, owner
from archcheck.worker.registered import modules_of
from archcheck.worker.scripts import read_script

_WEIGHTLESS = (
    *("torchmetrics", "tqdm", "matplotlib", "seaborn", "wandb", "tensorboard", "tensorboardX"),
    *("torch.utils.tensorboard", "torchvision.transforms", "albumentations", "loguru", "rich"),
)
"""Modules without any weights: what a network only stores of them changes nothing in it."""
_LEAVES_ALONE = (
    *(
        "torchsummary",
        "torchinfo",
        "torchviz",
        "thop",
        "ptflops",
        "fvcore",
        "ignite",
        "fastprogress",
    ),
    *("pytorch_lightning", "lightning", "accelerate", "torchsummaryX", "hiddenlayer", "mlflow"),
    *("sklearn", "pandas", "google", "IPython", "hydra", "clearml", "comet_ml", "neptune"),
    *_WEIGHTLESS,
)
"""Modules that change none of the classes and networks that they are given."""
_ASKING = ("typing", "inspect", "archcheck.worker.given_arguments")
"""Modules whose comparisons decide nothing about a network: they build and read annotations."""
_CATCHING = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


class Needed(BaseException):
    """A stand-in is needed for real.

    No ``Exception``, so that what a file does about errors is not taken for what it does.
    """

    def __init__(self, module: str) -> None:
        super().__init__(f"the module {module} is missing")
        self.module = module


class StandIns:
    """The stand-ins of one import.

    Attributes:
        missing: the modules that are missing.
        needed: those that turned out to be needed, whether or not the file went on.
        touched: the networks that were given to one.
        stage: what the author's code is doing; what is called from the network is needed.
    """

    def __init__(self) -> None:
        self.missing: dict[str, None] = {}
        self.needed: dict[str, None] = {}
        self.touched: list[nn.Module] = []
        self.stage: Stage = "imports"

    def need(self, module: str) -> NoReturn:
        """A module is needed.

        Raises:
            Needed: always.
        """
        self.needed.setdefault(module)
        raise Needed(module)

    def module(self, name: str, missing: str) -> StandIn:
        """The stand-in for a module, of which a part is missing."""
        self.missing.setdefault(missing)
        return StandIn(self, missing, name)

    def called(self, stand_in: StandIn, arguments: tuple[Any, ...]) -> Any:
        """What a call of a stand-in returns."""
        path, module = stand_in.path, stand_in.module
        stored_only = self.stage == "builds" and _below(path, _WEIGHTLESS)
        if self.stage != "imports" and not stored_only:
            self.need(module)
        if not _below(path, _LEAVES_ALONE):
            if any(isinstance(each, type) and issubclass(each, nn.Module) for each in arguments):
                self.need(module)
            self.touched += [each for each in arguments if isinstance(each, nn.Module)]
        kind = Metric if _below(path, ("torchmetrics",)) else StandIn
        return kind(self, module, f"{path}()")


class StandIn:
    """An object of a missing module."""

    owner: StandIns
    module: str
    path: str

    def __init__(self, owner: StandIns, module: str, path: str) -> None:
        self.__dict__.update(owner=owner, module=module, path=path, __name__=path, __doc__=None)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__") and name != "__version__":
            raise AttributeError(name)
        path = f"{self.path}.{name}"
        return lightning_class(path) or StandIn(self.owner, self.module, path)

    def __setattr__(self, name: str, value: Any) -> None:
        self._unless_imported()

    def __delattr__(self, name: str) -> None:
        self._unless_imported()

    def __setitem__(self, key: Any, value: Any) -> None:
        self._unless_imported()

    def __getitem__(self, key: Any) -> StandIn:
        return StandIn(self.owner, self.module, f"{self.path}[]")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.owner.called(self, (*args, *kwargs.values()))

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return (_missing_base(self),)

    def __or__(self, other: Any) -> StandIn:
        return self

    __ror__ = __or__

    def __deepcopy__(self, memo: Any) -> StandIn:
        return self

    def __repr__(self) -> str:
        return f"<stand-in for {self.path}>"

    def __str__(self) -> str:
        self._unless_imported()
        return repr(self)

    def __format__(self, spec: str) -> str:
        return str(self)

    def _unless_imported(self) -> None:
        if self.owner.stage != "imports":
            self.owner.need(self.module)

    def __eq__(self, other: object) -> bool:
        if sys._getframe(1).f_globals.get("__name__") in _ASKING:
            return self is other
        return bool(self.owner.need(self.module))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = object.__hash__

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> NoReturn:
        found = next(held_in((args, kwargs or {})))
        found.owner.need(found.module)


def _refuse(self: StandIn, *args: Any) -> NoReturn:
    self.owner.need(self.module)


for _method in (
    *("bool", "len", "iter", "next", "contains", "index", "int", "float", "complex"),
    *("lt", "le", "gt", "ge", "enter", "exit", "await", "aiter", "aenter", "aexit"),
    *("neg", "pos", "abs", "invert", "round", "array", "instancecheck", "subclasscheck"),
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "xor"),
    *("radd", "rsub", "rmul", "rtruediv", "rfloordiv", "rmod", "rpow", "rmatmul", "rand", "rxor"),
    *("lshift", "rshift", "rlshift", "rrshift", "divmod", "rdivmod", "delitem", "fspath"),
):
    setattr(StandIn, f"__{_method}__", _refuse)


class Metric(nn.Module):
    """A metric that a network holds: a module without weights, which is never run."""

    def __init__(self, owner: StandIns, module: str, path: str) -> None:
        super().__init__()
        object.__setattr__(self, "_stands_for", StandIn(owner, module, path))

    def __getattr__(self, name: str) -> Any:
        if name == "_stands_for":  # it is copied, say
            raise AttributeError(name)
        return getattr(self._stands_for, name)

    def forward(self, *args: Any, **kwargs: Any) -> NoReturn:
        """It cannot be run."""
        stand_in: StandIn = self._stands_for
        stand_in.owner.need(stand_in.module)

    def clone(self, *args: Any, **kwargs: Any) -> Metric:
        """Another metric."""
        stand_in = self._stands_for
        return Metric(stand_in.owner, stand_in.module, stand_in.path)


def _missing_base(stand_in: StandIn) -> type:
    """A class that stands for a base: what is derived from it cannot be used."""

    def make(cls: type, *args: Any, **kwargs: Any) -> Any:
        return stand_in(*args, **kwargs)

    return type("MissingBase", (), {"__new__": make, "missing_module": stand_in.module})


def missing_base_of(value: Any) -> str:
    """The missing module that a class takes a base from, empty if it takes none."""
    found: str = getattr(value, "missing_module", "") if isinstance(value, type) else ""
    return found


def held_in(value: Any, depth: int = 0) -> Iterator[StandIn]:
    """The stand-ins that a value holds."""
    if isinstance(value, StandIn):
        yield value
    elif isinstance(value, Mapping) and depth < 3:
        for item in list(value.values()):
            yield from held_in(item, depth + 1)
    elif isinstance(value, (list, tuple, set)) and depth < 3:
        for item in list(value):
            yield from held_in(item, depth + 1)


def needed_by(model: nn.Module, stand_ins: StandIns) -> str:
    """The missing module that a network needs, as far as can be seen once it is built; else
    empty."""
    for module in modules_of(model):
        own = {key: value for key, value in vars(module).items() if key != "_stands_for"}
        for found in held_in(own):
            if not _below(found.path, _WEIGHTLESS):
                return str(found.module)
        if any(module is each for each in stand_ins.touched):
            return next(iter(stand_ins.missing))
    return ""


@contextmanager
def standing_in() -> Iterator[StandIns]:
    """While this is entered, the author's imports of missing modules give stand-ins.

    Only import statements of the author's own files are served, and none under a ``try`` that
    catches the error: whether a module is there can be asked as always.
    """
    stand_ins = StandIns()
    original = builtins.__import__

    def import_or_stand_in(
        name: str,
        globals: Any = None,
        locals: Any = None,
        fromlist: Any = (),
        level: int = 0,
    ) -> Any:
        try:
            return original(name, globals, locals, fromlist, level)
        except ModuleNotFoundError as error:
            missing, top = error.name, name.partition(".")[0]
            if missing is None or not _may_be_served(sys._getframe(1)):
                raise
            if "*" in (fromlist or ()):
                stand_ins.missing.setdefault(missing)
                stand_ins.need(missing)
            if not fromlist and top in sys.modules:  # its part would be looked for in the package
                raise
            path = missing if level else name if fromlist else top
            return stand_ins.module(path, missing)

    builtins.__import__ = import_or_stand_in
    try:
        yield stand_ins
    finally:
        builtins.__import__ = original


def weightless(path: str) -> bool:
    """Whether something, by its full name, is of a module without any weights."""
    return _below(path, _WEIGHTLESS)


def leaves_alone(path: str) -> bool:
    """Whether something, by its full name, leaves what it is given as it is."""
    return _below(path, _LEAVES_ALONE)


def _below(path: str, modules: tuple[str, ...]) -> bool:
    return any(f"{path}.".startswith((f"{module}.", f"{module}()")) for module in modules)


def _may_be_served(frame: FrameType | None) -> bool:
    """Whether an import stands in the author's code, and nothing of the author's catches what it
    raises."""
    if frame is None or owner(frame.f_code.co_filename) is not Owner.AUTHOR:
        return False
    while frame is not None:
        file = frame.f_code.co_filename
        if owner(file) is Owner.AUTHOR and _is_caught(file, frame.f_lineno):
            return False
        frame = frame.f_back
    return True


def _is_caught(file: str, line: int) -> bool:
    """Whether a line stands under a ``try`` that catches a failing import."""
    try:
        tree = read_script(file).tree
    except (SyntaxError, ValueError, OSError):
        return True
    return any(
        node.body[0].lineno <= line <= (node.body[-1].end_lineno or 0) and _catches(node)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Try, ast.With))
    )


def _catches(node: ast.Try | ast.With) -> bool:
    """Whether a statement catches, or suppresses, that a module is missing."""
    caught: list[ast.expr]
    if isinstance(node, ast.With):
        caught = [
            item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)
        ]
    elif any(handler.type is None for handler in node.handlers):
        return True
    else:
        caught = [handler.type for handler in node.handlers if handler.type is not None]
    names = (name for each in caught for name in ast.walk(each) if isinstance(name, ast.Name))
    return any(name.id in _CATCHING for name in names)
