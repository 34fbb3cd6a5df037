"""Which expressions and statements of a file only define: they train, write and ask nothing."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable

from archcheck.worker.importing.scopes import path_of
from archcheck.worker.ipython_calls import sets_variable

PURE_BUILTINS = frozenset(
    """
    abs all any bool bytes callable complex dict divmod enumerate filter float format frozenset
    getattr hasattr hash id int isinstance issubclass iter len list map max min object ord pow
    property range repr reversed round set slice sorted str sum super tuple type zip
""".split()
)
"""Functions of Python that change none of their arguments."""
_APPLYING = frozenset("map filter sorted min max iter collections.defaultdict".split())
"""Functions that call what they are given."""
_PURE_CALLS = frozenset(
    """
    torch.device torch.tensor torch.zeros torch.ones torch.full torch.eye torch.empty torch.rand
    torch.randn torch.randint torch.arange torch.linspace torch.Size torch.Tensor torch.FloatTensor
    torch.LongTensor torch.from_numpy torch.compile torch.cuda.is_available
    torch.cuda.device_count torch.backends.mps.is_available torch.get_default_dtype
    functools.partial collections.OrderedDict collections.defaultdict collections.namedtuple
    collections.Counter collections.deque types.SimpleNamespace copy.copy copy.deepcopy
    typing.TypeVar typing.NewType typing.NamedTuple enum.Enum logging.getLogger
    argparse.ArgumentParser argparse.Namespace os.getcwd os.getenv os.environ.get os.cpu_count
    os.fspath os.listdir pathlib.Path pathlib.PurePath pathlib.Path.cwd multiprocessing.cpu_count
    itertools.product itertools.chain dataclasses.field
""".split()
)
_PURE_MODULES = ("torch.nn.", "math.", "os.path.", "operator.", "fractions.", "decimal.")
_IMPURE = ("torch.nn.init.", "torch.nn.utils.", "torch.nn.parallel.Distributed")
_NUMPY = frozenset(
    "array asarray zeros ones full arange linspace eye sqrt log log2 exp prod float32 int64".split()
)
_READ = frozenset(
    """
    absolute as_posix copy count difference endswith format get index intersection is_dir is_file
    items join joinpath keys lower replace resolve split splitlines startswith strip title union
    upper values with_suffix
""".split()
)
"""Methods that change nothing of what they are called on."""
_MODULE_ITSELF = frozenset(
    """
    to cpu cuda eval train half float double bfloat16 requires_grad_ type
""".split()
)
"""Methods of a network that return it."""
_PARSER = frozenset(
    """
    add_argument add_argument_group add_mutually_exclusive_group parse_args parse_known_args
    set_defaults
""".split()
)
"""Methods of a parser of arguments: without a command line they give the defaults."""
_PATHS = frozenset({"sys.path.append", "sys.path.insert", "sys.path.extend"})
"""What imports further down may need."""


class Purity:
    """Tells what only defines, in a module whose ``statements`` are all known."""

    def __init__(self, statements: Iterable[ast.stmt]) -> None:
        self._imported: dict[str, str] = {}
        self._classes: dict[str, ast.ClassDef] = {}
        self._functions: set[str] = set()
        self._parsers: set[str] = set()
        for statement in statements:
            for node in ast.walk(statement):
                self._learn(node)
        self._networks = self._like_networks()
        self._settings = {name for name, node in self._classes.items() if self._is_settings(node)}

    def _learn(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name if alias.asname else alias.name.partition(".")[0]
                self._imported[alias.asname or whole] = whole
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                self._imported[alias.asname or alias.name] = f"{node.module or ''}.{alias.name}"
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._functions.add(node.name)
        elif isinstance(node, ast.ClassDef):
            self._classes.setdefault(node.name, node)
        elif isinstance(node, ast.Assign) and self._makes_parser(node.value):
            self._parsers |= {t.id for t in node.targets if isinstance(t, ast.Name)}

    def _makes_parser(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and self.called(node) == "argparse.ArgumentParser"

    def called(self, node: ast.Call) -> str:
        """The full name of what is called, where it is imported or a builtin; else empty."""
        return self.full_name(node.func)

    def full_name(self, node: ast.expr) -> str:
        """The full name of what an expression stands for, if it is imported or a builtin."""
        first, dot, rest = path_of(node).partition(".")
        if first in self._imported:
            return f"{self._imported[first]}{dot}{rest}"
        return first if not dot and hasattr(builtins, first) else ""

    # -- statements -------------------------------------------------------------------------

    def defines(self, node: ast.stmt) -> bool:
        """Whether a statement only defines."""
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            return self._assigns(node)
        if isinstance(node, ast.Expr):
            return self._harmless(node.value)
        if isinstance(node, ast.If):
            return self.pure(node.test) and all(map(self.defines, (*node.body, *node.orelse)))
        if isinstance(node, ast.Try):
            handlers = [part for handler in node.handlers for part in handler.body]
            parts = (*node.body, *handlers, *node.orelse, *node.finalbody)
            return all(map(self.defines, parts))
        return isinstance(node, _DEFINITIONS)

    def _assigns(self, node: ast.Assign | ast.AnnAssign) -> bool:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [part for target in targets for part in _flat(target)]
        value = node.value
        return all(isinstance(name, ast.Name) for name in names) and (
            value is None or self.pure(value)
        )

    def _harmless(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Constant):
            return True
        if not isinstance(node, ast.Call) or not self._pure_arguments(node):
            return False
        function = node.func
        of_parser = isinstance(function, ast.Attribute) and self._is_parser(function)
        return of_parser or sets_variable(node) or self.called(node) in _PATHS

    # -- expressions ------------------------------------------------------------------------

    def pure(self, node: ast.expr) -> bool:
        """Whether working out an expression changes nothing and goes nowhere."""
        if isinstance(node, ast.Call):
            return self._pure_call(node) and self._pure_arguments(node) and not self._applies(node)
        if isinstance(node, ast.Lambda):
            return True
        if not isinstance(node, _PURE_NODES):
            return False
        return all(self.pure(child) for child in _expressions(node))

    def _pure_arguments(self, node: ast.Call) -> bool:
        values = (*node.args, *(keyword.value for keyword in node.keywords))
        return all(map(self.pure, values))

    def _applies(self, node: ast.Call) -> bool:
        """Whether a call may call one of its arguments that does more than to return something."""
        if self.called(node) not in _APPLYING:
            return False
        return any(
            isinstance(value, ast.Attribute)
            or (isinstance(value, ast.Name) and value.id in self._functions)
            or (isinstance(value, ast.Lambda) and not self.pure(value.body))
            for value in (*node.args, *(keyword.value for keyword in node.keywords))
        )

    def _pure_call(self, node: ast.Call) -> bool:
        function, name = node.func, self.called(node)
        if name:
            return name in PURE_BUILTINS or _is_pure(name)
        if isinstance(function, ast.Name):
            return function.id in self._networks or function.id in self._settings
        if isinstance(function, ast.Attribute):
            if self._is_parser(function):
                return True
            known = function.attr in _READ or function.attr in _MODULE_ITSELF
            return known and self.pure(function.value)
        return False

    def is_namespace(self, call: ast.Call) -> bool:
        """Whether a call gives an object that only holds values: arguments, or settings."""
        function = call.func
        if isinstance(function, ast.Attribute):
            return self._is_parser(function) and function.attr == "parse_args"
        return isinstance(function, ast.Name) and function.id in self._settings

    def _like_networks(self) -> set[str]:
        """The classes that look like networks, and those that are derived from them."""
        found: set[str] = set()
        while True:
            new = {
                name
                for name, node in self._classes.items()
                if name not in found and any(self._is_network(base, found) for base in node.bases)
            }
            if not new:
                return found
            found |= new

    def _is_network(self, base: ast.expr, known: set[str]) -> bool:
        name = self.full_name(base) or path_of(base)
        last = name.rpartition(".")[2]
        return (
            name in known
            or name.startswith("torch.nn.")
            or last in ("Module", "Sequential", "LightningModule")
        )

    def _is_settings(self, node: ast.ClassDef) -> bool:
        """Whether a class only holds values: it has no methods but a constructor that sets them."""
        if any(
            path_of(base) not in self._classes and path_of(base) != "object" for base in node.bases
        ):
            return False
        methods = [part for part in node.body if not isinstance(part, (ast.Assign, ast.AnnAssign))]
        return all(
            isinstance(part, (ast.Pass, ast.Expr))
            or (
                isinstance(part, ast.FunctionDef)
                and part.name == "__init__"
                and all(map(self._sets_itself, part.body))
            )
            for part in methods
        )

    def _sets_itself(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.Expr):
            return isinstance(node.value, ast.Constant)
        if not isinstance(node, (ast.Assign, ast.AnnAssign)):
            return isinstance(node, ast.Pass)
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        own = all(path_of(each).startswith("self.") for each in targets)
        return own and (node.value is None or self.pure(node.value))

    def _is_parser(self, function: ast.Attribute) -> bool:
        owner = function.value
        known = isinstance(owner, ast.Name) and owner.id in self._parsers
        return known and function.attr in _PARSER


_DEFINITIONS = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Pass,
)
_PURE_NODES = (
    ast.Attribute,
    ast.BinOp,
    ast.BoolOp,
    ast.Compare,
    ast.Constant,
    ast.Dict,
    ast.DictComp,
    ast.FormattedValue,
    ast.GeneratorExp,
    ast.IfExp,
    ast.JoinedStr,
    ast.List,
    ast.ListComp,
    ast.Name,
    ast.Set,
    ast.SetComp,
    ast.Slice,
    ast.Starred,
    ast.Subscript,
    ast.Tuple,
    ast.UnaryOp,
)


def _expressions(node: ast.AST) -> Iterable[ast.expr]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield child
        elif isinstance(child, ast.comprehension):
            yield from (child.iter, *child.ifs)


def _flat(target: ast.expr) -> list[ast.expr]:
    if isinstance(target, (ast.Tuple, ast.List)):
        return [part for item in target.elts for part in _flat(item)]
    return _flat(target.value) if isinstance(target, ast.Starred) else [target]


def _is_pure(name: str) -> bool:
    if name.startswith("numpy."):
        return name.removeprefix("numpy.") in _NUMPY
    return name in _PURE_CALLS or (name.startswith(_PURE_MODULES) and not name.startswith(_IMPURE))
