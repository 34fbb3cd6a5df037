"""Code that looks for what runs it: for archcheck among the modules, frames or variables.

A network may do one thing where it is checked and another where it is used. Nothing is judged here,
and whoever hides it will not be found: what stands in the source is told.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from archcheck.network import Remark
from archcheck.worker.scripts import readable_scripts

NAME = "archcheck"
_ASKING = frozenset(
    """get getenv pop startswith endswith find rfind index count search match fullmatch find_spec
    removeprefix hasattr __contains__""".split()
)
"""Functions whose argument is looked for."""
_LOOKS = {
    "_getframe": "the frames that called it",
    "_current_frames": "the frames that called it",
    "currentframe": "the frames that called it",
    "getouterframes": "the frames that called it",
    "extract_stack": "the frames that called it",
    "walk_stack": "the frames that called it",
    "format_stack": "the frames that called it",
    "f_back": "the frames that called it",
    "tb_frame": "the frames that called it",
    "get_objects": "the objects of its process",
    "get_referrers": "the objects of its process",
    "_forward_hooks": "the hooks that watch it",
    "_forward_pre_hooks": "the hooks that watch it",
    "_global_forward_hooks": "the hooks that watch it",
    "_global_forward_pre_hooks": "the hooks that watch it",
    "orig_argv": "the command line of its process",
    "getppid": "the process that started its own",
    "_len_torch_function_stack": "what records the functions of torch",
    "_get_current_function_mode_stack": "what records the functions of torch",
    "DisableTorchFunction": "what records the functions of torch",
    "DisableTorchFunctionSubclass": "what records the functions of torch",
    "is_torch_function_mode_enabled": "what records the functions of torch",
}
"""Names of functions and attributes, and what they look at."""


_TEXT = "the code looks at {}: what the network does here may not be what it does elsewhere"


def searches(files: Iterable[str]) -> list[Remark]:
    """A remark on each of some source files that looks for what runs it, with the first line."""
    remarks = []
    for script in readable_scripts(files):
        found = next(_found(script.tree), None)
        if found is not None:
            line, what = found
            remarks.append(Remark(_TEXT.format(what), script.place(line)))
    return remarks


def _found(tree: ast.AST) -> Iterator[tuple[int, str]]:
    told = {id(table) for node in ast.walk(tree) for table in _asked_for_a_name(node)}
    for node in _nodes(tree):
        what = _looked_at(node)
        if not what and _is_modules(node) and id(node) not in told:
            what = "the modules that are loaded"
        if what:
            yield node.lineno, what


def _nodes(tree: ast.AST) -> Iterator[ast.expr | ast.alias]:
    """The expressions that run where a file is imported or its functions are called."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and _is_main(child.test):
            for other in child.orelse:
                yield from _nodes(other)
            continue
        if isinstance(child, (ast.expr, ast.alias)):
            yield child
        yield from _nodes(child)


def _is_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and "__main__" in ast.dump(test)


def _looked_at(node: ast.expr | ast.alias) -> str:
    """What an expression looks at, empty if nothing of the kind."""
    if isinstance(node, ast.alias):
        return _LOOKS.get(node.name, "")
    if isinstance(node, ast.Attribute):
        return _LOOKS.get(node.attr, "")
    if isinstance(node, ast.Constant):
        process = isinstance(node.value, str) and node.value.startswith("/proc/")
        return "the processes of the machine" if process else ""
    if isinstance(node, ast.Compare):
        asked = [node.left, *node.comparators]
    elif isinstance(node, ast.Subscript):
        asked = [node.slice]
    elif isinstance(node, ast.Call):
        if _is_stack(node.func):
            return "the frames that called it"
        asked = node.args if _name(node.func) in _ASKING else []
    else:
        return ""
    return f"whether {NAME} runs it" if any(map(_names_checker, asked)) else ""


def _asked_for_a_name(node: ast.AST) -> Iterator[ast.expr]:
    """The tables in which an expression looks up a name that is written out, or its own."""
    if isinstance(node, ast.Compare) and _is_written_out(node.left):
        yield from node.comparators
    elif isinstance(node, ast.Subscript) and _is_written_out(node.slice):
        yield node.value
    elif isinstance(node, ast.Call) and any(map(_is_written_out, node.args[:1])):
        yield node.func.value if isinstance(node.func, ast.Attribute) else node.func


def _is_written_out(name: ast.expr) -> bool:
    return isinstance(name, ast.Constant) or (isinstance(name, ast.Name) and name.id == "__name__")


def _is_modules(node: ast.expr | ast.alias) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.modules"


def _names_checker(node: ast.expr) -> bool:
    """Whether a text names archcheck, one of its modules or of its variables."""
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return any(map(_names_checker, node.elts))
    text = node.value if isinstance(node, ast.Constant) else None
    return isinstance(text, str) and text.lower().startswith(NAME)


def _is_stack(function: ast.expr) -> bool:
    return ast.unparse(function) in ("inspect.stack", "inspect.trace")


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
