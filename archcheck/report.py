"""The report that Python is given: the same, and how it is read by people."""

from __future__ import annotations

from dataclasses import fields

from archcheck import spec
from archcheck.reporters.formats import render
from archcheck.reporters.text import report_text


class Report(spec.Report):
    """All findings on one network."""

    @classmethod
    def of(cls, report: spec.Report) -> Report:
        """A report that can be read."""
        return cls(**{field.name: getattr(report, field.name) for field in fields(report)})

    def text(self, width: int = 80, *, colour: bool = False) -> str:
        """What the terminal shows, in lines of so many columns.

        Args:
            width: the columns of a line; at least 40.
            colour: whether it holds the codes that terminals show as colours.
        """
        return report_text(self, width, colour=colour)

    def markdown(self) -> str:
        """The report as Markdown: a heading, a table of the rules, and the reasons."""
        return render("markdown", [self])

    def _repr_markdown_(self) -> str:
        """What a notebook shows."""
        return self.markdown()
