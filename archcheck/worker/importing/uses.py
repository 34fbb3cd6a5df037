"""What a place that mentions a definition may do to it."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from archcheck.worker.importing.kinds import ELEMENT, WORKED_OUT, Kind, Kinds
from archcheck.worker.importing.purity import PURE_BUILTINS, Purity
from archcheck.worker.importing.scopes import Function, Scopes

_SETTERS = frozenset({"setattr", "delattr", "__setattr__", "__delattr__", "reload", "patch"})
_SETTER_NAMES = ("set_", "register_", "patch", "override", "replace", "convert", "inject", "use_")
_HARMLESS_SETTERS = frozenset(
    """
    set_num_threads set_num_interop_threads set_printoptions set_grad_enabled set_detect_anomaly
    set_float32_matmul_precision use_deterministic_algorithms set_start_method
    set_sharing_strategy set_device set_default_device set_rng_state set_epoch
""".split()
)
_OF_THE_ENVIRONMENT = frozenset(
    """
    os.environ.clear os.environ.pop os.environ.setdefault os.environ.update os.putenv os.unsetenv
    os.chdir
""".split()
)
"""What changes the variables, and the folder, that a definition may read."""
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
_NO_VALUE = (ast.ClassDef, ast.arg, ast.ExceptHandler, ast.Delete)


class Uses:
    """Looks at the places that mention definitions. ``bound`` are the statements that are kept, by
    the names that they bind."""

    def __init__(
        self,
        scopes: Scopes,
        purity: Purity,
        bound: Mapping[str, Sequence[ast.stmt]],
        kinds: Kinds,
    ) -> None:
        self._scopes = scopes
        self._purity = purity
        self._bound = bound
        self._kinds = kinds
        self._asking: set[tuple[int, str]] = set()

    def may_change(self, name: ast.Name, kind: Kind) -> bool:
        """Whether the place that mentions a definition may change it."""
        node: ast.AST = name
        parent = self._scopes.parents.get(node)
        while isinstance(parent, (ast.Attribute, ast.Subscript)) and parent.value is node:
            if not isinstance(parent.ctx, ast.Load):
                return not (kind is Kind.LIBRARY and self._is_of_the_machine(parent))
            if isinstance(parent, ast.Subscript):
                kind = ELEMENT.get(kind, kind)
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
        if kind is Kind.FUNCTION or isinstance(parent, (*WORKED_OUT, *_NO_VALUE)):
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
        return node.attr in self._kinds.constants_of(owner)

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
            return sets or last in _SETTERS or self._purity.called(call) in _OF_THE_ENVIRONMENT
        if node is name or kind is Kind.FUNCTION:
            return False
        if kind is Kind.CLASS:
            return not isinstance(node, ast.Attribute) or node.value is not name
        if last in _HANDING_OUT and kind is not Kind.FLAT:
            return not isinstance(self._scopes.parents.get(call), WORKED_OUT)
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
