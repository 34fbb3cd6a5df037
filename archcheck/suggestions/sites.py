"""Which places of the source decide on an operation's attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import libcst as cst

from archcheck.network import Network, Op, Place
from archcheck.network.kinds import ALIASES
from archcheck.suggestions.edits import Change, Edit, Site, Value, argument_places, splices_of
from archcheck.suggestions.repairs.base import Setting
from archcheck.suggestions.signatures import class_arguments, function_arguments
from archcheck.suggestions.sources import NotEditable, Source
from archcheck.suggestions.syntax import Call, Syntax
from archcheck.worker.owners import Owner, authors_code_below, owner
from archcheck.worker.reference import Reference, roots_of

_FUNCTIONS = {"AvgPool": "avg_pool", "AdaptiveAvgPool": "adaptive_avg_pool"}
"""The functions that do what layers do."""
MOST_CALLS = 12
"""The most calls of a helper function that are looked at."""
_DEPTH = 3
"""How many functions an argument is followed through."""


class Sources:
    """The author's files, as they were when they were first read."""

    def __init__(self, reference: Reference) -> None:
        self._roots = roots_of(reference.file or reference.module)
        self._syntax: dict[str, Syntax | None] = {}
        self.unreadable: dict[str, str] = {}
        """Why files cannot be edited."""

    def syntax(self, file: str) -> Syntax | None:
        """The tree of one of the author's files; None if it cannot be edited."""
        if file not in self._syntax:
            self._syntax[file] = self._read(file)
        return self._syntax[file]

    def _read(self, file: str) -> Syntax | None:
        with authors_code_below(self._roots):
            if owner(file) is not Owner.AUTHOR:
                return None
        try:
            return Syntax(Source.read(file))
        except OSError as error:
            self.unreadable[file] = error.strerror or str(error)
        except NotEditable as error:
            self.unreadable[file] = str(error)
        return None

    def read(self, file: str) -> Source:
        """A file that an edit changes, as it was read."""
        syntax = self.syntax(file)
        assert syntax is not None
        return syntax.source

    def after(self, edit: Edit) -> dict[str, bytes]:
        """The contents of the files that an edit changes.

        Raises:
            NotEditable: if it cannot be written.
        """
        by_file: dict[str, dict[Site, Change]] = {}
        for site, change in edit.items():
            by_file.setdefault(site.file, {})[site] = change
        contents = {}
        for file, changes in by_file.items():
            syntax = self.syntax(file)
            assert syntax is not None
            contents[file] = syntax.source.after(splices_of(syntax, changes))
        return contents


class Sites:
    """The places that decide on the operations of a network, as it is in its files."""

    def __init__(self, network: Network, sources: Sources) -> None:
        self._network = network
        self._sources = sources

    @cached_property
    def _types(self) -> Mapping[str, str]:
        return {module.path: module.type for module in self._network.modules}

    @cached_property
    def _built(self) -> Mapping[str, Place | None]:
        return {module.path: module.built for module in self._network.modules}

    def of_module(self, path: str) -> Site | None:
        """The call that constructs a module; None if it is not known."""
        return self._site(self._built.get(path), class_arguments(self._types.get(path, "")))

    def of_op(self, op: Op) -> Site | None:
        """The call that decides on an operation: the construction of its layer, else the call of
        the function."""
        call = self._network.calls[op.call] if op.call >= 0 else None
        if call is not None and call.standard:
            return self.of_module(call.module)
        names = function_arguments(op.kind)
        tensors = sum(name in ("input", "weight") for name in names)
        return self._site(op.called, names, tensors, op.kind)

    def _site(
        self, place: Place | None, names: tuple[str, ...], tensors: int = 0, kind: str = ""
    ) -> Site | None:
        """The call at a place; of a function only if it is called there by its name, not inside of
        what is."""
        found = self._call_at(place)
        if found is None or not names:
            return None
        syntax, call = found
        if kind and ALIASES.get(call.name, call.name) != kind:
            return None
        return _site(syntax, call.node, names, tensors)

    def _call_at(self, place: Place | None) -> tuple[Syntax, Call] | None:
        """The call at a place, and its file; None if that cannot be edited."""
        syntax = self._sources.syntax(place.file) if place is not None else None
        call = syntax.call_at(place) if syntax is not None and place is not None else None
        return None if syntax is None or call is None else (syntax, call)

    def edits(self, op: Op, setting: Setting) -> Iterator[dict[Site, Change]]:
        """The edits that set something of an operation: at its call, and where the names are given
        their values that stand there."""
        if setting.swapped:
            yield from self._swap(op.module, setting.swapped)
            return
        site = self.of_op(op)
        if site is None:
            return
        callee = setting.callee
        if callee and site.tensors:
            callee = _FUNCTIONS.get(callee[:-2], "")
            if not callee:
                return  # no function has weights of its own
            callee += setting.callee[-2:].lower()
        yield {site: Change(setting.arguments, callee, setting.afresh)}
        if not setting.callee:
            yield from self._through_names(op, site, dict(setting.arguments))

    def _swap(self, one: str, other: str) -> Iterator[dict[Site, Change]]:
        """The edit that has two layers of one sequence change places."""
        around, _, first = one.rpartition(".")
        beside, _, second = other.rpartition(".")
        site = self._site(self._built.get(around), ("layers",))
        numbers = first.isdecimal() and second.isdecimal() and around == beside
        if site is None or not numbers or self._types.get(around) != "Sequential":
            return
        assert isinstance(site.node, cst.Call)
        args, places = site.node.args, (int(first), int(second))
        if max(places) < len(args) and not any(arg.star or arg.keyword for arg in args):
            yield {site: Change((), swapped=places)}

    def _through_names(
        self, op: Op, site: Site, arguments: Mapping[str, Value]
    ) -> Iterator[dict[Site, Change]]:
        syntax = self._sources.syntax(site.file)
        if syntax is None or not isinstance(site.node, cst.Call):
            return
        places = argument_places(site.node.args, site.names)
        named = {
            name: value
            for name, value in arguments.items()
            if name in places and isinstance(site.node.args[places[name]].value, cst.Name)
        }
        literal = {
            name: value
            for name, value in arguments.items()
            if name not in named
            and (name not in places or is_literal(site.node.args[places[name]].value))
        }
        for name, value in named.items():
            node = site.node.args[places[name]].value
            assert isinstance(node, cst.Name)
            own = {site: Change(tuple(literal.items()))} if literal else {}
            inside = _Inside(syntax, _enclosing(syntax, site.node), op.module)
            for origin in self._origins(inside, node.value, value, _DEPTH):
                yield origin
                if own and site not in origin:
                    yield {**own, **origin}

    def _origins(
        self, inside: _Inside, name: str, value: Value, depth: int
    ) -> Iterator[dict[Site, Change]]:
        """The edits that give a name another value where it gets its own."""
        syntax, function = inside.syntax, inside.function
        names = [] if function is None else [each.name.value for each in _parameters(function)]
        if function is None or name not in names:
            node = syntax.constant(name, function)
            if node is not None and is_literal(node):
                yield {_site(syntax, node): Change((("", value),))}
            return
        default = _parameters(function)[names.index(name)].default
        if default is not None and is_literal(default):
            yield {_site(syntax, default): Change((("", value),))}
        given = tuple(names[1:] if names[0] == "self" else names)
        for around in islice(self._callers(inside), MOST_CALLS):
            assert around.call is not None
            site = _site(around.syntax, around.call.node, given)
            place = argument_places(around.call.node.args, given).get(name)
            passed = around.call.node.args[place].value if place is not None else None
            if isinstance(passed, cst.Name) and not is_literal(passed):
                if depth:
                    yield from self._origins(around, passed.value, value, depth - 1)
            else:
                yield {site: Change(((name, value),))}

    def _callers(self, inside: _Inside) -> Iterator[_Inside]:
        """The calls of the function that something stands in. Of a constructor it is the call that
        made the module around, where that is known; else all calls by that name."""
        function, call = inside.function, inside.call
        if function is None or call is None:
            return
        if function.name.value == "__init__":
            path = inside.module
            while "." in path:
                path = path.rpartition(".")[0]
                if self._types.get(path) == call.owner:
                    made = self._call_at(self._built.get(path))
                    if made is not None:
                        yield _Inside(*made, path)
                        return
        called = call.owner if function.name.value == "__init__" else function.name.value
        for each in inside.syntax.calls_of(called):
            yield _Inside(inside.syntax, each, "")


@dataclass(frozen=True)
class _Inside:
    """A call, and the path of the module that it makes or belongs to."""

    syntax: Syntax
    call: Call | None
    module: str

    @property
    def function(self) -> cst.FunctionDef | None:
        """The function that it stands in."""
        return self.call.function if self.call is not None else None


def is_literal(node: cst.BaseExpression) -> bool:
    """Whether an expression is a number, or several, or a boolean."""
    if isinstance(node, (cst.Tuple, cst.List)):
        return all(isinstance(element.value, cst.Integer) for element in node.elements)
    return isinstance(node, cst.Integer) or (
        isinstance(node, cst.Name) and node.value in ("True", "False")
    )


def _site(syntax: Syntax, node: cst.CSTNode, names: tuple[str, ...] = (), tensors: int = 0) -> Site:
    where = syntax.position(node)
    start, end = where.start, (where.end.line, where.end.column)
    return Site(syntax.source.file, start.line, start.column, end, node, names, tensors)


def _enclosing(syntax: Syntax, node: cst.Call) -> Call | None:
    return next((call for call in syntax.calls if call.node is node), None)


def _parameters(function: cst.FunctionDef) -> list[cst.Param]:
    return [
        *function.params.posonly_params,
        *function.params.params,
        *function.params.kwonly_params,
    ]
