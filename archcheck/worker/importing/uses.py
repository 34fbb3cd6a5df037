"""What a place that mentions a definition may do to it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from functools import cached_property

from archcheck.worker.importing.purity import PURE_BUILTINS, Purity
from archcheck.worker.importing.scopes import Function, Scopes, root_of

_SETTERS = frozenset({"setattr", "delattr", "__setattr__", "__delattr__", "reload", "patch"})
_SETTER_NAMES = ("set_", "register_", "patch", "override", "replace", "convert", "inject", "use_")
_HARMLESS_SETTERS = frozenset(
    """
    set_num_threads set_num_interop_threads set_printoptions set_grad_enabled set_detect_anomaly
    set_float32_matmul_precision use_deterministic_algorithms set_start_method
    set_sharing_strategy set_device set_rng_state set_epoch
""".split()
)
_READING = frozenset(
    """
    copy count get index items join keys values format split strip lower upper startswith endswith
    state_dict parameters named_parameters buffers modules named_modules children named_children
    train eval to cuda cpu zero_grad load_state_dict forward __len__ most_common
""".split()
)
"""Methods that leave their object as it is, or its architecture."""
_HANDING_OUT = frozenset("copy get items pop setdefault values".split())
"""Methods of containers that return what they hold."""
_ITERATED = frozenset({"parameters", "modules", "children", "named_parameters", "named_modules"})
_COUNTS = frozenset("numel nelement size dim item".split())
_HAND_ON = frozenset(
    """
    dict enumerate filter getattr iter list map max min property reversed set sorted tuple zip
""".split()
)
"""Functions of Python whose results hold what they were given."""
_TAKE_AND_LEAVE = frozenset(
    """
    summary DataParallel DistributedDataParallel save export watch add_graph print deepcopy copy
    script trace fit validate test predict profile get_model_complexity_info FlopCountAnalysis
    dump dumps debug info warning log init Adam AdamW SGD RMSprop DataLoader Trainer
""".split()
)
"""Functions of libraries that leave what they are given as it is, or its architecture."""
_TAKES = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.FormattedValue, ast.Expr, ast.Assert)
_NO_VALUE = (ast.ClassDef, ast.arg, ast.ExceptHandler, ast.Delete)


class Kind(Enum):
    """What a name stands for, as far as it matters for what can be done to it."""

    IMMUTABLE = auto()
    LIBRARY = auto()
    """Something imported from an installed package."""
    OWN = auto()
    """Something imported from the submission's other files."""
    FUNCTION = auto()
    CLASS = auto()
    NAMESPACE = auto()
    """An object whose attributes are immutable values: arguments, settings."""
    FLAT = auto()
    """A container of immutable values."""
    NESTED = auto()
    """A container of such containers, or of such values."""
    TABLE = auto()
    """A container of what libraries define, or of functions."""
    CLASSES = auto()
    """A container of the file's classes, perhaps beside others."""
    OBJECT = auto()


class Uses:
    """Looks at the places that mention definitions. ``bound`` are the statements that are kept, by
    the names that they bind; ``is_own`` tells the submission's modules from others."""

    def __init__(
        self,
        scopes: Scopes,
        purity: Purity,
        bound: Mapping[str, Sequence[ast.stmt]],
        is_own: Callable[[str, int], bool],
    ) -> None:
        self._scopes = scopes
        self._purity = purity
        self._bound = bound
        self._is_own = is_own
        self._asking: set[tuple[int, str]] = set()

    # -- what a name stands for -------------------------------------------------------------

    def kind(self, name: str, within: frozenset[str] = frozenset()) -> Kind:
        """What a name stands for."""
        parts = self._bound.get(name, ())
        kinds = {self._kind_in(part, name, within | {name}) for part in parts}
        if not kinds:
            return self._starred()
        if kinds <= {Kind.IMMUTABLE, Kind.FLAT} and len(kinds) == 2:
            return Kind.FLAT
        return kinds.pop() if len(kinds) == 1 else Kind.OBJECT

    def related(self, used: Iterable[str]) -> set[str]:
        """Some names, those that are imported from where they are imported from, and those whose
        values hold them."""
        aliases = self._aliases
        while new := {name for name, held in aliases.items() if held & set(used)} - set(used):
            used = {*used, *new}
        kinds = {name: self.kind(name) for name in used}
        packages = {self._package(n) for n, kind in kinds.items() if kind is Kind.LIBRARY}
        own = Kind.OWN in kinds.values()
        return {
            *kinds,
            *(
                name
                for name in self._bound
                if (own and self.kind(name) is Kind.OWN)
                or (self.kind(name) is Kind.LIBRARY and self._package(name) in packages)
            ),
        }

    @cached_property
    def _aliases(self) -> dict[str, set[str]]:
        """For each name the names of what may be changed through it."""
        return {
            name: {
                node.id
                for part in parts
                for value in _values(part)
                for node in ast.walk(value)
                if isinstance(node, ast.Name) and self._is_held(node)
            }
            for name, parts in self._bound.items()
            if self.kind(name) is not Kind.IMMUTABLE
        }

    def _is_held(self, name: ast.Name) -> bool:
        """Whether the value of a name may be held by the value that a statement assigns."""
        if name.id not in self._bound or self.kind(name.id) in (Kind.IMMUTABLE, Kind.FUNCTION):
            return False
        node: ast.AST = name
        parent = self._scopes.parents[node]
        while isinstance(parent, (ast.Attribute, ast.Subscript)) and parent.value is node:
            node, parent = parent, self._scopes.parents[parent]
        called = isinstance(parent, ast.Call) and parent.func is node
        return not called and not isinstance(parent, _TAKES)

    def _package(self, name: str) -> str:
        return self._purity.full_name(ast.Name(name, ast.Load())).partition(".")[0]

    def _starred(self) -> Kind:
        """What a name that no statement binds may stand for: star imports bind it, or nothing."""
        stars = [part for part in self._bound.get("*", ()) if isinstance(part, ast.ImportFrom)]
        own = any(self._is_own(part.module or "", part.level) for part in stars)
        return Kind.OWN if own else Kind.LIBRARY

    def _kind_in(self, part: ast.stmt, name: str, within: frozenset[str]) -> Kind:
        if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return Kind.FUNCTION
        if isinstance(part, ast.ClassDef):
            return Kind.CLASS
        if isinstance(part, ast.ImportFrom):
            return Kind.OWN if self._is_own(part.module or "", part.level) else Kind.LIBRARY
        if isinstance(part, ast.Import):
            tops = [alias.name for alias in part.names if name in (alias.asname, _top(alias.name))]
            return Kind.OWN if any(self._is_own(top, 0) for top in tops) else Kind.LIBRARY
        if isinstance(part, (ast.Assign, ast.AnnAssign)) and part.value is not None:
            return self._kind_of(part.value, within)
        return Kind.OBJECT

    def _kind_of(self, value: ast.expr, within: frozenset[str]) -> Kind:
        if self._is_immutable(value, within):
            return Kind.IMMUTABLE
        if isinstance(value, ast.BinOp) and isinstance(value.op, (ast.Add, ast.Mult)):
            sides = {self._kind_of(side, within) for side in (value.left, value.right)}
            return Kind.FLAT if sides <= {Kind.FLAT, Kind.IMMUTABLE} else Kind.OBJECT
        items: list[ast.expr] = [value]
        if isinstance(value, (ast.List, ast.Set, ast.Tuple)):
            items = value.elts
        elif isinstance(value, ast.Dict):
            items = value.values
        elif isinstance(value, ast.ListComp):
            items = [value.elt]
        if isinstance(value, ast.Call) and self._purity.is_namespace(value):
            return Kind.NAMESPACE
        if items == [value]:
            return self._kind_of_one(value, within)
        kinds = {self._kind_of(item, within) for item in items}
        return next((kind for kind, of in _CONTAINERS.items() if kinds <= of), Kind.OBJECT)

    def _kind_of_one(self, value: ast.expr, within: frozenset[str]) -> Kind:
        """The kind of what is no container."""
        if isinstance(value, ast.Lambda):
            return Kind.FUNCTION
        root = root_of(value)
        if isinstance(value, ast.Call) or not isinstance(root, ast.Name) or root.id in within:
            return Kind.OBJECT
        kind = self.kind(root.id, within)
        one = value is root or kind is Kind.LIBRARY
        return kind if one and kind in _CONTAINERS[Kind.CLASSES] else Kind.OBJECT

    def _is_immutable(self, value: ast.expr | None, within: frozenset[str]) -> bool:
        def inner(*values: ast.expr | None) -> bool:
            return all(self._is_immutable(each, within) for each in values)

        if isinstance(value, (ast.Constant, ast.JoinedStr, ast.Compare)):
            return True
        if isinstance(value, ast.Name):
            return value.id not in within and self.kind(value.id, within) is Kind.IMMUTABLE
        if isinstance(value, ast.UnaryOp):
            return inner(value.operand)
        if isinstance(value, ast.BinOp):
            return inner(value.left, value.right)
        if isinstance(value, ast.IfExp):
            return inner(value.body, value.orelse)
        if isinstance(value, ast.Tuple):
            return inner(*value.elts)
        return isinstance(value, ast.Call) and self._purity.called(value) in _IMMUTABLE_RESULTS

    # -- what is done to it -----------------------------------------------------------------

    def may_change(self, name: ast.Name, kind: Kind) -> bool:
        """Whether the place that mentions a definition may change it."""
        node: ast.AST = name
        parent = self._scopes.parents.get(node)
        while isinstance(parent, (ast.Attribute, ast.Subscript)) and parent.value is node:
            if not isinstance(parent.ctx, ast.Load):
                return not (kind is Kind.LIBRARY and self._is_of_the_machine(parent))
            if isinstance(parent, ast.Subscript):
                kind = _ELEMENT.get(kind, kind)
            if kind is Kind.IMMUTABLE:
                return False
            node, parent = parent, self._scopes.parents.get(parent)
        if isinstance(parent, ast.Call):
            if parent.func is node:
                return self._called(parent, name, node, kind)
            return self._given(parent, node, kind)
        if isinstance(parent, ast.keyword):
            call = self._scopes.parents.get(parent)
            return isinstance(call, ast.Call) and self._given(call, node, kind, parent.arg)
        if isinstance(parent, ast.arguments):
            return self._default_changes(parent, node, kind)
        if kind is Kind.FUNCTION or isinstance(parent, (*_TAKES, *_NO_VALUE)):
            return False
        if kind is Kind.LIBRARY:
            return isinstance(parent, _HOLDERS) and self._sets_attributes(name)
        if isinstance(parent, (ast.If, ast.While, ast.IfExp)) and parent.test is node:
            return False
        if _is_annotation(parent, node):
            return False
        looped = isinstance(parent, (ast.For, ast.comprehension)) and parent.iter is node
        if kind is Kind.TABLE and looped:
            return self._sets_attributes(name)
        return not (self._is_element(node, kind) or (kind is Kind.FLAT and looped))

    def _is_of_the_machine(self, target: ast.expr) -> bool:
        """Whether what is set says how torch works things out, and not what."""
        return self._purity.full_name(target).startswith("torch.backends.")

    def class_of_method(self, root: ast.expr) -> str:
        """The class whose class method has a name as its first argument; else empty."""
        owner = self._scopes.owner(root, root.id) if isinstance(root, ast.Name) else None
        if not isinstance(owner, ast.FunctionDef) or not owner.args.args:
            return ""
        decorators = {ast.unparse(each) for each in owner.decorator_list}
        around = self._scopes.parents.get(owner)
        first = isinstance(root, ast.Name) and owner.args.args[0].arg == root.id
        is_one = "classmethod" in decorators or owner.name == "__init_subclass__"
        return around.name if first and is_one and isinstance(around, ast.ClassDef) else ""

    def _is_element(self, node: ast.AST, kind: Kind) -> bool:
        """Whether an expression is an immutable value that a definition holds."""
        if kind is Kind.NAMESPACE:
            return isinstance(node, ast.Attribute)
        if kind is not Kind.CLASS or not isinstance(node, ast.Attribute):
            return False
        owner = node.value.id if isinstance(node.value, ast.Name) else ""
        return node.attr in self._constants_of(owner)

    def _constants_of(self, name: str) -> set[str]:
        """The attributes of a class that are immutable."""
        return {
            target.id
            for part in self._bound.get(name, ())
            if isinstance(part, ast.ClassDef)
            for line in part.body
            if isinstance(line, ast.Assign) and self._is_immutable(line.value, frozenset())
            for target in line.targets
            if isinstance(target, ast.Name)
        }

    def _sets_attributes(self, name: ast.Name) -> bool:
        """Whether attributes are set of anything but ``self`` where another name may stand for a
        definition: in the same method, else anywhere."""
        around = [outer for outer, _ in self._scopes.around(name)]
        methods = [
            inner
            for outer, inner in zip(around[1:], around, strict=False)
            if isinstance(outer, ast.ClassDef) and isinstance(inner, ast.FunctionDef)
        ]
        nodes = ast.walk(methods[-1]) if methods else iter(self._scopes.parents)
        return any(
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and not (isinstance(node.value, ast.Name) and node.value.id == "self")
            for node in nodes
        )

    def _called(self, call: ast.Call, name: ast.Name, node: ast.AST, kind: Kind) -> bool:
        if kind is Kind.OWN:
            return True
        last = node.attr if isinstance(node, ast.Attribute) else name.id
        if kind is Kind.LIBRARY:
            sets = last.startswith(_SETTER_NAMES) and last not in _HARMLESS_SETTERS
            return sets or last in _SETTERS
        if node is name or kind is Kind.FUNCTION:
            return False
        if kind is Kind.CLASS:
            return not isinstance(node, ast.Attribute) or node.value is not name
        if last in _HANDING_OUT and kind is not Kind.FLAT:
            return not isinstance(self._scopes.parents.get(call), _TAKES)
        return last not in _READING or (last in _ITERATED and self._looped(call))

    def _looped(self, call: ast.Call) -> bool:
        """Whether what a call returns is gone through, other than to count it."""
        parent = self._scopes.parents.get(call)
        if not isinstance(parent, ast.comprehension):
            return isinstance(parent, ast.For)
        calls = [n for n in ast.walk(self._scopes.parents[parent]) if isinstance(n, ast.Call)]
        return any(
            isinstance(each.func, ast.Attribute) and each.func.attr not in _COUNTS
            for each in calls
            if each is not call
        )

    def _given(self, call: ast.Call, node: ast.AST, kind: Kind, keyword: str | None = None) -> bool:
        """Whether a call may change what it is given."""
        function = call.func
        last = function.attr if isinstance(function, ast.Attribute) else ""
        last = function.id if isinstance(function, ast.Name) else last
        if last in _SETTERS:
            return True
        if self._is_element(node, kind):
            return False
        if isinstance(function, ast.Name) and self._purity.called(call) in PURE_BUILTINS:
            holds = kind in (Kind.OBJECT, Kind.NESTED, Kind.CLASSES)
            return last in _HAND_ON and (holds or isinstance(node, ast.Attribute))
        if isinstance(node, ast.Attribute) and kind not in (Kind.FUNCTION, Kind.LIBRARY):
            return last not in _TAKE_AND_LEAVE  # it may be a method
        local = self._local_function(function)
        if local is not None:
            return self._parameter_changes(local, call, node, kind, keyword)
        if kind in (Kind.FUNCTION, Kind.LIBRARY):
            return False
        return last not in _TAKE_AND_LEAVE

    def _local_function(self, function: ast.expr) -> Function | None:
        """The function of the file that is called, a class's constructor included."""
        if not isinstance(function, ast.Name):
            return None
        for part in self._bound.get(function.id, ()):
            if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
                return part
            if isinstance(part, ast.ClassDef):
                for method in part.body:
                    if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                        return method
        return None

    def _parameter_changes(
        self,
        function: Function,
        call: ast.Call,
        node: ast.AST,
        kind: Kind,
        keyword: str | None,
    ) -> bool:
        names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
        if getattr(function, "name", "") == "__init__":
            names = names[1:]
        taken = keyword
        if taken is None and node in call.args and not _starred_before(call, node):
            position = call.args.index(node)
            taken = names[position] if position < len(names) else None
        known = {*names, *(each.arg for each in function.args.kwonlyargs)}
        if taken is None or taken not in known:
            return True
        return self._parameter_may_change(function, taken, kind)

    def _default_changes(self, arguments: ast.arguments, node: ast.AST, kind: Kind) -> bool:
        """Whether a function may change what a parameter of it is by default."""
        function = self._scopes.parents[arguments]
        named = [*arguments.posonlyargs, *arguments.args]
        pairs = [
            *zip(named[len(named) - len(arguments.defaults) :], arguments.defaults, strict=True),
            *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
        ]
        taken = next(argument.arg for argument, default in pairs if default is node)
        return self._parameter_may_change(function, taken, kind)

    def _parameter_may_change(self, function: ast.AST, taken: str, kind: Kind) -> bool:
        key = (id(function), taken)
        if key in self._asking:
            return False
        self._asking.add(key)
        try:
            return any(
                self.may_change(each, kind)
                for each in ast.walk(function)
                if isinstance(each, ast.Name)
                and each.id == taken
                and self._scopes.owner(each, taken) is function
            )
        finally:
            self._asking.discard(key)


_CONTAINERS = {
    Kind.FLAT: {Kind.IMMUTABLE},
    Kind.NESTED: {Kind.IMMUTABLE, Kind.FLAT},
    Kind.TABLE: {Kind.IMMUTABLE, Kind.LIBRARY, Kind.FUNCTION},
    Kind.CLASSES: {Kind.IMMUTABLE, Kind.LIBRARY, Kind.FUNCTION, Kind.CLASS},
}
"""What a container of some kinds is: the first one that fits."""
_ELEMENT = {
    Kind.FLAT: Kind.IMMUTABLE,
    Kind.NESTED: Kind.FLAT,
    Kind.TABLE: Kind.LIBRARY,
    Kind.CLASSES: Kind.CLASS,
}
"""What an element of a container is."""
_IMMUTABLE_RESULTS = frozenset(
    "int float str bool len min max abs round sum torch.device math.sqrt math.log pathlib.Path "
    "os.path.join os.getenv os.environ.get torch.cuda.is_available".split()
)
_HOLDERS = (
    ast.Assign,
    ast.AnnAssign,
    ast.BoolOp,
    ast.Dict,
    ast.For,
    ast.IfExp,
    ast.List,
    ast.NamedExpr,
    ast.Return,
    ast.Set,
    ast.Tuple,
)


def _values(part: ast.stmt) -> Iterator[ast.expr]:
    """The values that a statement assigns, those of a class's attributes included."""
    parts = part.body if isinstance(part, ast.ClassDef) else [part]
    for each in parts:
        if isinstance(each, (ast.Assign, ast.AnnAssign)) and each.value is not None:
            yield each.value


def _top(name: str) -> str:
    return name.partition(".")[0]


def _is_annotation(parent: ast.AST | None, node: ast.AST) -> bool:
    if isinstance(parent, ast.AnnAssign):
        return parent.annotation is node
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return isinstance(parent, functions) and (
        parent.returns is node or node in parent.decorator_list
    )


def _starred_before(call: ast.Call, node: ast.AST) -> bool:
    before = call.args[: call.args.index(node)]  # type: ignore[arg-type]
    return any(isinstance(each, ast.Starred) for each in before)
