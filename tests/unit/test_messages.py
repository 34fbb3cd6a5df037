"""No behaviour hangs on the text of a message: causes are data, sentences are for people."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.paths import ROOT

TEXTS = {"message", "reason", "hint", "remark", "note"}
"""Attributes that hold sentences."""
QUESTIONS = {"startswith", "endswith", "removeprefix", "removesuffix", "replace", "find", "index"}
QUESTIONS |= {"partition", "rpartition", "split", "count"}
MATCHERS = {"match", "search", "fullmatch", "findall", "sub", "split"}
FOREIGN = {
    # What torch or Python says is all that tells these apart; a hint or a figure depends on it.
    "archcheck/evaluation/run.py": {"_out_of_memory"},
    "archcheck/tracing/weights.py": {"_parsed", "_reason", "load_into"},
    "archcheck/worker/failures.py": {"describe"},
    "archcheck/worker/given_arguments.py": {"hint"},
}
"""Functions that read the messages of other people's code, by file."""


def errors_in(function: ast.AST) -> set[str]:
    """The names that exceptions have in a function."""
    names = {n.name for n in ast.walk(function) if isinstance(n, ast.ExceptHandler) and n.name}
    for node in ast.walk(function):
        if isinstance(node, ast.arg) and node.annotation is not None:
            words = ast.unparse(node.annotation)
            if any(word in words for word in ("Error", "Exception", "Failure")):
                names.add(node.arg)
    return names


def is_text(node: ast.AST, errors: set[str]) -> bool:
    """Whether an expression is the text of an error or of a finding."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str":
        return any(isinstance(n, ast.Name) and n.id in errors for n in ast.walk(node))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return is_text(node.func.value, errors)  # str(error).strip()
    return isinstance(node, ast.Attribute) and node.attr in TEXTS


def decisions(function: ast.AST) -> Iterator[ast.AST]:
    """Expressions of a function that ask what a text says."""
    errors = errors_in(function)
    for node in ast.walk(function):
        if isinstance(node, ast.Compare):
            if any(isinstance(op, (ast.In, ast.NotIn)) for op in node.ops):
                sides = node.comparators  # a part of the text
            else:
                sides = [node.left, *node.comparators]
            if [is_text(side, errors) for side in sides].count(True) == 1:  # two may be alike
                yield node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            asked = node.func.attr in QUESTIONS and is_text(node.func.value, errors)
            matched = node.func.attr in MATCHERS and any(is_text(a, errors) for a in node.args)
            if asked or matched:
                yield node


def offences(source: str) -> list[tuple[str, int]]:
    """The functions of a source that ask what a text says, with the line."""
    tree = ast.parse(source)
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        (function.name, node.lineno)
        for function in ast.walk(tree)
        if isinstance(function, functions)
        for node in decisions(function)
        if isinstance(node, ast.expr)
    ]


def test_nothing_asks_what_a_message_says() -> None:
    found = []
    for file in sorted((ROOT / "archcheck").rglob("*.py")):
        name = str(file.relative_to(ROOT))
        for function, line in offences(file.read_text("utf-8")):
            if function not in FOREIGN.get(name, set()):
                found.append(f"{name}:{line} in {function}")
    assert found == []


def test_the_check_notices_each_way_of_asking() -> None:
    ways = [
        'def f(error: ValueError): return str(error).startswith("--data")',
        'def f(failure): return failure.message.startswith("did not return")',
        'def f(failure): return "gone" in failure.message',
        'def f(failure): return failure.reason == "gone"',
        "def f():\n try: pass\n except OSError as e:\n  return 'x' in str(e)",
        "def f():\n try: pass\n except OSError as e:\n  return re.search('x', str(e))",
        'def f(failure): return failure.message.replace("the network ", "the script ")',
        'def f(error: Exception): return str(error).strip().removeprefix("--")',
    ]
    assert [len(offences(way)) for way in ways] == [1] * len(ways)
    assert offences("def f(error: Exception): return f'{error}: {error.message}'") == []


def test_the_functions_that_read_foreign_messages_are_there() -> None:
    for file, functions in FOREIGN.items():
        tree = ast.parse(Path(ROOT / file).read_text("utf-8"))
        defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert functions <= defined
