"""The options that rules share: comparisons in words."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from archcheck.rules.numbers import Bytes, Number, Percent, Points, Real, Share


class Strict(BaseModel):
    """A model that knows all of its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class CommonOptions(Strict):
    """What every rule's entry in a spec may say."""

    name: str | None = Field(
        None,
        min_length=1,
        description="What the entry is called in reports, in place of the rule's name.",
    )
    message: str | None = Field(None, description="Said instead of the rule's own reason.")
    severity: Literal["error", "warning"] = Field(
        "error", description="A warning is reported but does not fail the run."
    )
    when_unverified: Literal["fail", "warn"] = Field(
        "fail", description="What it means when the rule cannot be checked."
    )
    points: Points | None = Field(
        None,
        description="Points for a rule that holds; one that fails or cannot be verified gets none.",
    )
    bonus: Points | None = Field(
        None,
        description="Extra points, beyond the total, for a rule that holds. An entry that gives "
        "a bonus and no points fails no run, unless it says `severity: error`.",
    )

    @property
    def only_bonus(self) -> bool:
        """Whether the entry offers extra points and asks for nothing."""
        return (
            self.bonus is not None
            and self.points is None
            and "severity" not in self.model_fields_set
        )


_WORDS = {
    "more_than": "more than",
    "at_least": "at least",
    "less_than": "less than",
    "at_most": "at most",
    "exactly": "exactly",
}


class Bounds(Strict):
    """Comparisons in words. All that are given have to hold."""

    whole: ClassVar[bool] = True
    lowest: ClassVar[int | None] = 0
    optional: ClassVar[bool] = False
    counts: ClassVar[bool] = True
    """Whether things are counted, so that ``exactly 0`` forbids them."""

    @property
    def given(self) -> dict[str, Any]:
        """The comparisons that were written down, in a fixed order."""
        values = {name: getattr(self, name, None) for name in _WORDS}
        return {name: value for name, value in values.items() if value is not None}

    @model_validator(mode="after")
    def _can_be_met(self) -> Bounds:
        if not self.given:
            if self.optional:
                return self
            raise ValueError(f"say how much: one of {', '.join(_WORDS)}")
        candidates = {Fraction(0)}
        for value in self.given.values():
            near = Fraction(value)
            candidates |= {
                near,
                near - 1,
                near + 1,
                near - Fraction(1, 10**9),
                near + Fraction(1, 10**9),
            }
        lowest = self.lowest
        if not any(
            self.holds(candidate)
            for candidate in candidates
            if (not self.whole or candidate.denominator == 1)
            and (lowest is None or candidate >= lowest)
            and self._possible(candidate)
        ):
            raise ValueError(f"nothing can be {self.describe()}")
        return self

    def _possible(self, value: Fraction) -> bool:
        return True

    def holds(self, value: Any) -> bool:
        """Whether a value meets all comparisons."""
        tests = {
            "more_than": lambda bound: value > bound,
            "at_least": lambda bound: value >= bound,
            "less_than": lambda bound: value < bound,
            "at_most": lambda bound: value <= bound,
            "exactly": lambda bound: value == bound,
        }
        return all(tests[name](bound) for name, bound in self.given.items())

    def settled_from(self, value: int) -> bool:
        """Whether every larger value would get the same answer."""
        bounds = self.given
        upper = {"less_than", "at_most", "exactly"} & bounds.keys()
        if self.holds(value):
            return not upper
        return any(
            value >= bounds[name] if name == "less_than" else value > bounds[name] for name in upper
        )

    def describe(self) -> str:
        """The comparisons in words; ``exactly 0`` of what is counted is ``forbidden``."""
        if self.counts and self.given == {"exactly": 0}:
            return "forbidden"
        return " and ".join(
            f"{_WORDS[name]} {self.show(value)}" for name, value in self.given.items()
        )

    def demand(self, things: str) -> str:
        """The comparisons as a clause: ``at least 2 are required``, ``max pools are forbidden``."""
        if self.describe() == "forbidden":
            return f"{things} are forbidden"
        several = self.counts and set(self.given.values()) != {1}
        upper = self.given.keys() <= {"less_than", "at_most"}
        verb, word = "are" if several else "is", "allowed" if upper else "required"
        return f"{self.describe()} {verb} {word}"

    def show(self, value: Any) -> str:
        """A bound as people read it."""
        return f"{value:,}"

    def least(self) -> int | None:
        """The lowest value that meets the lower bounds, None without one."""
        comparisons = self.given
        bounds = [comparisons["more_than"] + 1] if "more_than" in comparisons else []
        bounds += [comparisons[name] for name in ("at_least", "exactly") if name in comparisons]
        return max(bounds, default=None)

    def most(self) -> int | None:
        """The highest value that meets the upper bounds, None without one."""
        comparisons = self.given
        bounds = [comparisons["less_than"] - 1] if "less_than" in comparisons else []
        bounds += [comparisons[name] for name in ("at_most", "exactly") if name in comparisons]
        return min(bounds, default=None)


class Amount(Bounds):
    """Comparisons of whole numbers."""

    more_than: Number | None = None
    at_least: Number | None = None
    less_than: Number | None = None
    at_most: Number | None = None
    exactly: Number | None = None


class Measure(Bounds):
    """Comparisons of any numbers."""

    whole: ClassVar[bool] = False
    counts: ClassVar[bool] = False
    lowest: ClassVar[int | None] = None

    more_than: Real | None = None
    at_least: Real | None = None
    less_than: Real | None = None
    at_most: Real | None = None
    exactly: Real | None = None


class ByteAmount(Bounds):
    """Comparisons of numbers of bytes."""

    more_than: Bytes | None = None
    at_least: Bytes | None = None
    less_than: Bytes | None = None
    at_most: Bytes | None = None
    exactly: Bytes | None = None

    def show(self, value: Any) -> str:
        return f"{value:,} bytes"


class ShareBounds(Bounds):
    """Comparisons of shares between 0 and 1."""

    whole: ClassVar[bool] = False
    counts: ClassVar[bool] = False

    more_than: Share | None = None
    at_least: Share | None = None
    less_than: Share | None = None
    at_most: Share | None = None
    exactly: Share | None = None

    def _possible(self, value: Fraction) -> bool:
        return 0 <= value <= 1

    def show(self, value: Any) -> str:
        return f"{value:.0%}" if value * 100 == int(value * 100) else f"{value:.1%}"


class PercentBounds(Bounds):
    """Comparisons of percentages, exact: 85.4 is what is written, not the nearest binary number."""

    whole: ClassVar[bool] = False
    counts: ClassVar[bool] = False

    more_than: Percent | None = None
    at_least: Percent | None = None
    less_than: Percent | None = None
    at_most: Percent | None = None
    exactly: Percent | None = None

    @property
    def given(self) -> dict[str, Fraction]:
        """The comparisons that were written down, as exact numbers."""
        return {name: Fraction(str(value)) for name, value in super().given.items()}

    def _possible(self, value: Fraction) -> bool:
        return 0 <= value <= 100

    def show(self, value: Fraction) -> str:
        """A bound as people read it."""
        return f"{int(value) if value.denominator == 1 else float(value)} %"


class CountOptions(Amount, CommonOptions):
    """The options of a rule that counts: the words of ``SHORT`` are short for them."""


SHORT: dict[str, dict[str, int]] = {"forbidden": {"exactly": 0}, "required": {"at_least": 1}}
"""What a word in place of a mapping stands for, for rules that count."""
