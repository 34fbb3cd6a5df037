"""What forward reads beside its input and its weights: the clock, random numbers, its process.

A network that does so may do something else in another pass. Nothing is judged here: what stands in
the source is told, unless it runs in training alone.
"""

from __future__ import annotations

import ast
import datetime
import random
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from torch import nn

from archcheck.network import Remark
from archcheck.tracing.reachable_code import Code, reachable

MOST = 5
"""How many of them are told."""
_TEXT = "forward reads {}: only what it does here is seen"
_CHANGES = "forward changes {} and reads it: only its first pass is seen"
_NAMES = {
    "the clock": """time.time time.time_ns time.perf_counter time.perf_counter_ns time.monotonic
    time.monotonic_ns time.process_time time.process_time_ns time.thread_time time.localtime
    time.gmtime time.ctime time.asctime time.strftime time.clock_gettime""",
    "random numbers of Python": """os.urandom secrets.randbelow secrets.choice secrets.randbits
    secrets.token_bytes secrets.token_hex uuid.uuid1 uuid.uuid4""",
    "the state of a random generator": """torch.initial_seed torch.get_rng_state torch.seed
    torch.random.get_rng_state torch.random.initial_seed""",
    "the environment": "os.environ os.getenv os.environb sys.argv sys.flags",
    "the state of its process": """os.getpid os.getlogin os.getcwd os.cpu_count os.uname os.times
    os.getloadavg os.getuid platform.node platform.system platform.platform platform.machine
    platform.uname platform.python_version socket.gethostname getpass.getuser threading.get_ident
    threading.current_thread threading.active_count multiprocessing.current_process
    multiprocessing.cpu_count torch.get_num_threads sys.gettrace sys.getprofile""",
    "files": """builtins.open os.listdir os.scandir os.stat os.access os.path.exists os.path.isfile
    os.path.isdir os.path.getmtime os.path.getsize""",
    "whether gradients are kept": "torch.is_grad_enabled torch.is_inference_mode_enabled",
    "whether autocast is on": "torch.is_autocast_enabled torch.is_autocast_cpu_enabled",
    "which devices there are": """torch.cuda.is_available torch.cuda.device_count
    torch.cuda.current_device torch.cuda.get_device_name torch.cuda.is_initialized
    torch.backends.mps.is_available torch.xpu.is_available""",
    "text as code": "builtins.eval builtins.exec builtins.compile",
}
"""What is read, and the functions and objects that read it or are it."""
_NOW = frozenset({"now", "utcnow", "today"})
_ABOUT_GRADIENTS = frozenset({"requires_grad", "grad_fn", "is_inference"})
_WRITES = frozenset("add_ append pop popleft add update appendleft".split())
"""Methods that change what they are called on."""


def state_reads(modules: Iterable[nn.Module]) -> list[Remark]:
    """A remark on each line by which a pass through some modules may differ from another one."""
    codes, known = reachable(modules), _known()
    found: dict[Remark, None] = {}
    for code in codes:
        for text, node in (*_reads(code, known), *_counts(code, codes)):
            found.setdefault(Remark(text, code.script.place(node.lineno)))
    remarks = sorted(found, key=lambda remark: remark.place.line if remark.place else 0)
    return remarks[:MOST]


def _reads(code: Code, known: Mapping[int, str]) -> Iterator[tuple[str, ast.expr]]:
    for node in _nodes(code.node):
        if isinstance(node, (ast.Name, ast.Attribute, ast.Call)):
            what = _what(code.thing(node), known)
            if what:
                yield _TEXT.format(what), node
        for each in _conditions(node):
            if isinstance(each, ast.Attribute) and each.attr in _ABOUT_GRADIENTS:
                yield _TEXT.format("whether gradients are kept"), each


def _what(thing: Any, known: Mapping[int, str]) -> str:
    """What an object reads if it is called, or is."""
    named = known.get(id(thing), "")
    if named:
        return named
    instance = getattr(thing, "__self__", None)
    if isinstance(instance, random.Random) or _of_numpy(thing) or _of_numpy(type(instance)):
        return "random numbers of Python"
    is_date = isinstance(instance, type) and issubclass(instance, datetime.date)
    return "the clock" if is_date and getattr(thing, "__name__", "") in _NOW else ""


def _of_numpy(thing: Any) -> bool:
    return str(getattr(thing, "__module__", "")).startswith("numpy.random")


def _known() -> dict[int, str]:
    """What is read, by the number of the object; of modules that nobody has imported nothing is."""
    known = {}
    for what, names in _NAMES.items():
        for name in names.split():
            module, _, attribute = name.rpartition(".")
            thing = getattr(sys.modules.get(module), attribute, None)
            if thing is not None:
                known[id(thing)] = what
    return known


def _conditions(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, (ast.If, ast.While, ast.IfExp)):
        yield from ast.walk(node.test)


# -- what one pass leaves to the next ---------------------------------------------------------


def _counts(code: Code, codes: Sequence[Code]) -> Iterator[tuple[str, ast.expr]]:
    """Attributes and global variables that a function changes by what they were, and reads."""
    for target in _changed(code):
        name = ast.unparse(target)
        alike = [each for each in codes if each.script is code.script]
        if not _is_reset(code.node, name) and any(_is_read(each, name) for each in alike):
            yield _CHANGES.format(name), target


def _changed(code: Code) -> Iterator[ast.expr]:
    shared = {
        name
        for node in ast.walk(code.node)
        if isinstance(node, (ast.Global, ast.Nonlocal))
        for name in node.names
    }
    for node in _nodes(code.node):
        target = _target(node)
        if target is None:
            continue
        root: ast.expr = target
        while isinstance(root, (ast.Attribute, ast.Subscript)):
            root = root.value
        is_variable = isinstance(target, ast.Name) and target.id not in shared
        local = isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name)
        if not is_variable and not (local and not _is_global(code, root)):
            yield target


def _is_global(code: Code, root: ast.expr) -> bool:
    return isinstance(root, ast.Name) and root.id in code.function.__globals__


def _target(node: ast.AST) -> ast.expr | None:
    """What a statement or a call changes by what it was: ``self.calls += 1``."""
    if isinstance(node, ast.AugAssign):
        return node.target
    if isinstance(node, ast.Assign) and isinstance(node.value, (ast.BinOp, ast.UnaryOp)):
        target = ast.unparse(node.targets[0])
        before = any(target == ast.unparse(n) for n in ast.walk(node.value) if _is_place(n))
        return node.targets[0] if before else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        of = node.func.value
        return of if node.func.attr in _WRITES and isinstance(of, ast.Attribute) else None
    first = node.args[0] if isinstance(node, ast.Call) and _is_next(node) and node.args else None
    return first if isinstance(first, ast.Attribute) else None


def _is_place(node: ast.AST) -> bool:
    return isinstance(node, (ast.Name, ast.Attribute, ast.Subscript))


def _is_reset(function: ast.AST, name: str) -> bool:
    """Whether a function sets what has a name anew, in every pass."""
    body = getattr(function, "body", [])
    return any(
        isinstance(each, ast.Assign)
        and name in map(ast.unparse, each.targets)
        and name not in ast.unparse(each.value)
        for each in (body if isinstance(body, list) else [])
    )


def _is_read(code: Code, name: str) -> bool:
    inside = {
        id(each)
        for node in _nodes(code.node)
        if not _is_next(node) and _changes(node, name)
        for each in ast.walk(node)
    }
    return any(
        _is_place(node) and id(node) not in inside and ast.unparse(node) == name
        for node in _nodes(code.node)
    )


def _changes(node: ast.AST, name: str) -> bool:
    target = _target(node)
    return target is not None and ast.unparse(target) == name


def _is_next(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "next"


# -- what runs in training alone --------------------------------------------------------------


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below one that do not run in training alone."""
    for field, value in ast.iter_fields(node):
        if isinstance(value, list):
            yield from _in_order(value)
        elif isinstance(value, ast.AST) and field != "annotation":
            yield from _below(value)


def _in_order(children: Sequence[Any]) -> Iterator[ast.AST]:
    for child in children:
        if isinstance(child, ast.AST):
            yield from _below(child)
            if isinstance(child, ast.If) and _leaves_training_alone(child):
                return


def _leaves_training_alone(branch: ast.If) -> bool:
    """Whether all that comes after a branch runs in training alone."""
    leaves = isinstance(branch.body[-1], (ast.Return, ast.Raise))
    return leaves and _asks_for_training(branch.test) and _is_negated(branch.test)


def _below(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.If) and _asks_for_training(node.test):
        yield from _in_order(node.body if _is_negated(node.test) else node.orelse)
    elif not (isinstance(node, (ast.IfExp, ast.BoolOp)) and _asks_for_training(node)):
        yield node
        yield from _nodes(node)


def _asks_for_training(test: ast.AST) -> bool:
    return any(getattr(n, "attr", getattr(n, "id", "")) == "training" for n in ast.walk(test))


def _is_negated(test: ast.expr) -> bool:
    nots = (n for n in ast.walk(test) if isinstance(n, ast.UnaryOp) and isinstance(n.op, ast.Not))
    return any(_asks_for_training(each) for each in nots)
