"""What is wrong with a network whatever it is meant for: faults, a rule each."""

from archcheck.lint.base import LintRule, all_lint_rules
from archcheck.lint.judge import LINT
from archcheck.lint.options import LintOptions

__all__ = ["LINT", "LintOptions", "LintRule", "all_lint_rules"]
