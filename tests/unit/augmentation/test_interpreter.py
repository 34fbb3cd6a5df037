"""The interpreter of sources against Python itself: scripts drawn at random are really run, with a
stand-in for the library, and what they build has to be among what was read from their text."""

from __future__ import annotations

import random
import tempfile
import textwrap
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from archcheck.augmentation.source import read_source
from archcheck.evidence.augmentation import Transform, Unknown

Built = tuple[Any, ...]
HEAD = "import albumentations as A\n"


class Library:
    """Stands in for albumentations: what is made says what it was made of."""

    class Made:
        def __init__(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            self.name, self.args, self.kwargs = name, args, kwargs

        def built(self) -> Built:
            children = self.args[0] if self.name == "Compose" else ()
            values = {key: _plain(value) for key, value in self.kwargs.items()}
            return (self.name, values, [child.built() for child in children])

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: Library.Made(name, args, kwargs)


def _plain(value: Any) -> Any:
    return tuple(map(_plain, value)) if isinstance(value, (list, tuple)) else value


def read_back(transform: Transform) -> Built | None:
    """A transform of the evidence in the same words; None if not all of it is known."""
    children = [read_back(child) for child in transform.children]
    values = {argument.name: argument.value for argument in transform.arguments}
    if not transform.name or transform.incomplete or transform.altered or None in children:
        return None
    known = all(
        not isinstance(part, Unknown)
        for value in values.values()
        for part in (value if isinstance(value, tuple) else (value,))
    )
    return (transform.name, values, children) if known else None


class Script:
    """Draws the statements of a script; ``a`` and ``b`` are lists of transforms, ``n`` is a number
    and ``m`` a tuple of numbers."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw

    def number(self) -> str:
        return self.draw.choice(["n", "2", "len(a)", "n + 1", "m[0]", "max(n, 2)", "C.k", "g(n)"])

    def numbers(self) -> str:
        forms = ["m", "(1, n)", "tuple(x * 2 for x in m)", "[*m, n][:3]", "m[::-1]", "C().m"]
        return self.draw.choice([*forms, "tuple(map(lambda x: x + 1, m))", "h(*m)", "c.m"])

    def transform(self) -> str:
        kind = self.draw.choice(["Blur", "ToGray", "Affine"])
        argument = self.draw.choice([f"p={self.number()}", f"fill={self.numbers()}", "**d"])
        return f"A.{kind}({argument})"

    def some(self) -> str:
        one = self.transform()
        forms = ["a", "b", f"[{one}]", f"a + [{one}]", "a[1:]", "list(b)", f"[*b, {one}]"]
        forms += ["[t for t in a]", "a * 2", "b.copy()", f"(a if {self.condition()} else b)"]
        return self.draw.choice([*forms, f"f(a, {one})", f"f(b[:], one={one})"])

    def condition(self) -> str:
        return self.draw.choice(["n > 1", "a", "asked()", "len(b) == 1", "not m", "flag", "n in m"])

    def change(self) -> str:
        name, one = self.draw.choice("ab"), self.transform()
        forms = [f"{name}.append({one})", f"{name}.extend({self.some()})", f"{name}.reverse()"]
        forms += [f"{name} += {self.some()}", f"{name}.insert(0, {one})", f"{name}.clear()"]
        forms += [f"{name} = {self.some()}", f"n = {self.number()}", f"m = {self.numbers()}"]
        forms += [f"d = dict(p={self.number()})", f"d['p'] = {self.number()}", "flag = asked()"]
        forms += [f"{name}[:1] = [{one}]", f"c.m = {self.numbers()}", f"C.k = {self.number()}"]
        return self.draw.choice([*forms, f"f({name}, {one})", f"{name} and {name}.pop()", "s()"])

    def statement(self, depth: int = 0) -> str:
        kind = self.draw.random() if depth < 2 else 1.0
        inner = textwrap.indent(self.statement(depth + 1), "    ") if kind < 0.45 else ""
        if kind < 0.15:
            return f"if {self.condition()}:\n{inner}"
        if kind < 0.3:
            other = textwrap.indent(self.statement(depth + 1), "    ")
            return f"if {self.condition()}:\n{inner}\nelse:\n{other}"
        if kind < 0.4:
            loop = self.draw.choice(["range(2)", "m[:2]", "several()"])
            return f"for n in {loop}:\n{inner}"
        if kind < 0.45:
            return f"try:\n{inner}\nexcept IndexError:\n    n = 5"
        return self.change()

    def text(self) -> str:
        lines = [self.statement() for _ in range(self.draw.randint(1, 7))]
        lines.append("t = A.Compose(a)")
        lines += [self.change() for _ in range(self.draw.randint(0, 1))]
        return "\n".join([BEFORE, *lines, ""])


BEFORE = """\
n, m, flag, d = 1, (3, 4), True, {"p": 1}
a, b = [A.Blur(p=1)], [A.ToGray(p=2), A.Affine(p=3)]
class C:
    k = 2
    def __init__(self, m=(5, 6)):
        self.m = m
c = C()
def f(parts, one):
    if len(parts) > 3:
        return parts[:2]
    parts.append(one)
    return parts
def g(k, j=1):
    return k + j
def h(*parts):
    return tuple(parts[:2])
def s():
    global n
    n = 7
    c.m = (8, 9)
"""


def really(text: str, seed: int) -> Built | None:
    """What the script builds when it is run; None if it raises, or grows without end."""
    chance = random.Random(seed)
    names: dict[str, Any] = {
        "A": Library(),
        "asked": lambda: chance.random() < 0.5,
        "several": lambda: range(chance.randint(0, 3)),
    }
    try:
        exec(text, names)
        built: Built = names["t"].built()
    except (IndexError, ZeroDivisionError, TypeError, KeyError):
        return None
    return built if len(str(built)) < 20_000 else None


@given(st.integers(0, 10**9))
def test_what_a_script_builds_is_among_what_is_read(seed: int) -> None:
    text = Script(random.Random(seed)).text()
    built = really(text, seed)
    if built is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.py"
        file.write_text(HEAD + text)
        pipelines = read_source(str(file)).pipelines
    found = [read_back(pipeline.root) for pipeline in pipelines]
    assert None in found or built in found, f"{text}\n# builds {built}\n# read: {found}"
