"""``unused-ignore``: a comment that suppresses nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from archcheck.errors import closest
from archcheck.lint.base import (
    Fault,
    Findings,
    LintRule,
    Sample,
    all_lint_rules,
    register,
)
from archcheck.lint.ignores import Ignore
from archcheck.lint.linted import Linted
from archcheck.rules.base import Location


@register
class UnusedIgnore(LintRule):
    """
    ## What it finds
    A comment `# archcheck: ignore[rule] reason` on a line where that rule finds nothing, or that
    names no rule.

    ## Why it matters
    It hides the fault that is made there next.

    ## Example
    ```python
    self.conv = nn.Conv2d(3, 8, 3, bias=False)  # archcheck: ignore[bias-before-batchnorm]
    ```

    ## When to ignore it
    Never: take the comment away.
    """

    name = "unused-ignore"
    severity = "warning"
    summary = "A comment suppresses nothing."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, bias=False)  # archcheck: ignore[bias-before-batchnorm] # <-
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x):
        x = self.conv(x).relu()  # archcheck: ignore[relu-before] # <-
        return self.norm(x)  # archcheck: ignore # <-
"""
        ),
    )
    sound = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(
            3, 8, 3
        )  # archcheck: ignore[bias-before-batchnorm] weights that were trained with it
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.norm(self.conv(x)) + len("# archcheck: ignore[flatten-head]")


class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)  # archcheck: ignore[flatten-head]
"""
        ),
    )

    def find(self, linted: Linted) -> Findings:
        del linted
        return ()  # what the other rules find decides


def unused(
    comments: Collection[Ignore],
    used: Collection[tuple[Ignore, str]],
    rules: Mapping[str, LintRule],
) -> Iterator[Fault]:
    """What is wrong with comments. Of rules that were not asked for nothing is known."""
    known = all_lint_rules()
    for comment in comments:
        here = (Location(comment.place, ""),)
        if not comment.rules:
            yield Fault("it names no rule", here, "write # archcheck: ignore[rule] reason")
        for name in comment.rules:
            if name not in known:
                yield Fault(f"there is no lint rule {name!r}{closest(name, known)}", here)
            elif name in rules and (comment, name) not in used:
                yield Fault(f"{name} finds nothing here", here, "take the comment away")
