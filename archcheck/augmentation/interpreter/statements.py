"""What statements do."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from archcheck.augmentation.interpreter.arithmetic import NotKnown
from archcheck.augmentation.interpreter.calls import Returned
from archcheck.augmentation.interpreter.importing import Importing
from archcheck.augmentation.interpreter.values import (
    Class,
    Function,
    Given,
    Instance,
    Left,
    Named,
    Passed,
    Raised,
    Scope,
    Value,
    bare,
    text_of,
)
from archcheck.evidence.augmentation import Unknown

_DEFINING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
_MUTATORS = frozenset("append extend insert remove pop clear sort reverse update add".split())


class _Broken(Left):
    """A ``break`` was met."""


class _Continued(Left):
    """A ``continue`` was met."""


class Interpreter(Importing):
    """Runs statements."""

    def execute(self, body: list[ast.stmt], scope: Scope) -> None:
        for node in body:
            self.step()
            was_relevant = self.is_relevant
            self.is_relevant = id(node) in self.relevance.statements
            try:
                self._execute(node, scope)
            finally:
                self.is_relevant = was_relevant

    def _execute(self, node: ast.stmt, scope: Scope) -> None:
        match node:
            case ast.Expr():
                self._expression(node, scope)
            case ast.Assign():
                value = self.evaluate(node.value, scope)
                for target in node.targets:
                    self.assign(target, value, scope)
            case ast.AnnAssign():
                if node.value is not None:
                    self.assign(node.target, self.evaluate(node.value, scope), scope)
            case ast.AugAssign():
                self.changed(node, scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                scope.names[node.name] = self._function(node, scope)
            case ast.ClassDef():
                scope.names[node.name] = self._class(node, scope)
            case ast.Return():
                raise Returned(self.evaluate(node.value, scope) if node.value else None)
            case ast.If():
                self._if(node, scope)
            case ast.For() | ast.AsyncFor():
                self._for(node, scope)
            case ast.While():
                self._while(node, scope)
            case ast.With() | ast.AsyncWith():
                self._with_statement(node, scope)
            case ast.Try():
                self._try(node, scope)
            case ast.Import():
                self.import_modules(node, scope)
            case ast.ImportFrom():
                self.import_names(node, scope)
            case ast.Global() | ast.Nonlocal():
                scope.elsewhere |= set(node.names)
            case ast.Raise():
                raise Raised
            case ast.Break():
                raise _Broken
            case ast.Continue():
                raise _Continued
            case ast.Delete():
                self.forget(node.targets, scope, "it is deleted")
            case ast.Match():
                self._not_followed([part.body for part in node.cases], scope, "a match statement")

    def _expression(self, node: ast.Expr, scope: Scope) -> None:
        self.evaluate(node.value, scope)
        # Something unknown that a call is given, or whose method it is, may be changed by it.
        if isinstance(node.value, ast.Call):
            call = node.value
            parts = [
                *call.args,
                *([call.func.value] if isinstance(call.func, ast.Attribute) else []),
            ]
            for part in parts:
                if (
                    isinstance(part, ast.Name)
                    and isinstance(scope.names.get(part.id), Unknown)
                    and not _is_printing(call)
                ):
                    scope.names[part.id] = self.unknown(
                        f"{part.id} may be changed by {text_of(call)}"
                    )

    # -- definitions ------------------------------------------------------------------------

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> Value:
        owner = scope.owner if scope.kind == "class" else None
        function = Function(node, scope, owner, self.defaults(node.args, scope))
        for decorator in node.decorator_list:
            value = bare(self.evaluate(decorator, scope))
            if value == Named("builtins.staticmethod"):
                function.binds = "nothing"
            elif value == Named("builtins.classmethod"):
                function.binds = "class"
            elif value == Named("builtins.property") or _ends(value, "cached_property"):
                function.is_property = True
            elif isinstance(value, Function):
                passed = Passed("", function, decorator, scope.file)
                return self.call(value, Given([passed]), decorator, scope)
            elif not isinstance(value, (Named, Instance)) and not _is_foreign(decorator):
                return self.unknown(f"what {text_of(decorator)} makes of {node.name} is not known")
        return function

    def _class(self, node: ast.ClassDef, scope: Scope) -> Class:
        inner = Scope(scope.file, parent=scope, kind="class")
        made = Class(node, inner, tuple(bare(self.evaluate(base, scope)) for base in node.bases))
        inner.owner = made
        made.is_dataclass = any(
            _ends(
                bare(self.evaluate(part.func if isinstance(part, ast.Call) else part, scope)),
                "dataclass",
            )
            for part in node.decorator_list
        )
        self.execute(node.body, inner)
        return made

    # -- ways -------------------------------------------------------------------------------

    def _if(self, node: ast.If, scope: Scope) -> None:
        self.is_relevant = self.relevance.concerns([*node.body, *node.orelse])
        holds = self.truth(self.evaluate(node.test, scope))
        if holds is None:
            self._not_followed([node.body, node.orelse], scope, f"if {text_of(node.test)}")
        else:
            self.execute(node.body if holds else node.orelse, scope)

    def _not_followed(self, bodies: list[list[ast.stmt]], scope: Scope, what: str) -> None:
        """Statements that may run or not: what they give values to is not known afterwards."""
        reason = f"{what} decides when the script runs"
        for body in bodies:
            self.forget(_stores(body), scope, reason)
        for body in bodies:
            for part in body:
                if isinstance(part, _DEFINING):
                    self.execute([part], scope)

    def _for(self, node: ast.For | ast.AsyncFor, scope: Scope) -> None:
        concerns = self.relevance.concerns(node.body)
        try:
            items = self.iterated(self.evaluate(node.iter, scope))
        except NotKnown:
            self._any_number_of_times(node, node.target, node.body, scope)
            return
        if not concerns:
            self._not_followed([node.body], scope, "a loop")
            self.forget([node.target], scope, "a loop gives it values")
            return
        try:
            for item in items:
                self.assign(node.target, item, scope)
                self._once(node.body, scope)
        except _Broken:
            return
        self.execute(node.orelse, scope)

    def _once(self, body: list[ast.stmt], scope: Scope) -> None:
        try:
            self.execute(body, scope)
        except _Continued:
            return

    def _while(self, node: ast.While, scope: Scope) -> None:
        self._any_number_of_times(node, None, node.body, scope)

    def _any_number_of_times(
        self, node: ast.stmt, target: ast.expr | None, body: list[ast.stmt], scope: Scope
    ) -> None:
        """A loop whose number of rounds is not known."""
        what = f"a loop in line {node.lineno}"
        if target is not None:
            self.forget([target], scope, f"{what} gives it values")
        if not self.relevance.concerns(body):
            self._not_followed([body], scope, what)
            return
        self.forget(_stores(body), scope, f"{what} gives it values")
        was_uncertain, self.is_uncertain = self.is_uncertain, True
        try:
            self.execute(body, scope)
        except (_Broken, _Continued):
            pass
        finally:
            self.is_uncertain = was_uncertain
        self.forget(_stores(body), scope, f"{what} gives it values")

    def _with_statement(self, node: ast.With | ast.AsyncWith, scope: Scope) -> None:
        for item in node.items:
            value = self.evaluate(item.context_expr, scope)
            if item.optional_vars is not None:
                del value
                reason = f"{text_of(item.optional_vars)} is only known when the script runs"
                self.assign(item.optional_vars, self.unknown(reason), scope)
        self.execute(node.body, scope)

    def _try(self, node: ast.Try, scope: Scope) -> None:
        handled = [statement for handler in node.handlers for statement in handler.body]
        matters = self.relevance.concerns(handled) and not _only_leaves(handled)
        # Where it matters what happens if something raises, both ways are followed.
        if matters and not self.decided(f"line {node.lineno} of {scope.file} raises nothing"):
            self._not_followed([node.body], scope, "an exception")
            self._handle(node, scope)
        else:
            try:
                self.execute(node.body, scope)
            except Raised:
                self._handle(node, scope)
            else:
                self.execute(node.orelse, scope)
        self.execute(node.finalbody, scope)

    def _handle(self, node: ast.Try, scope: Scope) -> None:
        if node.handlers:
            handler = node.handlers[0]
            if handler.name:
                scope.names[handler.name] = self.unknown("it is an exception")
            self.execute(handler.body, scope)
            if len(node.handlers) > 1:
                others = [other.body for other in node.handlers[1:]]
                self._not_followed(others, scope, "an exception")


def _stores(body: Iterable[ast.stmt]) -> Iterator[ast.expr]:
    """What statements give values to, in their own scope."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) and isinstance(
            node.ctx, (ast.Store, ast.Del)
        ):
            yield node
        method = node.func if isinstance(node, ast.Call) else None
        if isinstance(method, ast.Attribute) and method.attr in _MUTATORS:
            yield ast.copy_location(ast.Subscript(method.value, ast.Constant(0)), method)
        waiting += ast.iter_child_nodes(node)


def _only_leaves(body: list[ast.stmt]) -> bool:
    """Whether a handler ends the script, or raises again."""
    last = body[-1] if body else None
    return isinstance(last, ast.Raise) or (
        isinstance(last, ast.Expr)
        and isinstance(last.value, ast.Call)
        and ast.unparse(last.value.func) in ("exit", "quit", "sys.exit", "os._exit")
    )


def _is_printing(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "print"


def _ends(value: Value, name: str) -> bool:
    return isinstance(value, Named) and value.dotted.rpartition(".")[2] == name


def _is_foreign(decorator: ast.expr) -> bool:
    return isinstance(decorator, (ast.Call, ast.Attribute))
