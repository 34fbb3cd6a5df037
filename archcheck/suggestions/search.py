"""The search for edits after which a network holds to a spec.

It goes from an edited network to those with one more repair: of the rule that fails and has the
fewest repairs, and of all that fail where these come no closer. Each round takes the most promising
ones of the last, those with the fewest rules that fail first, and ends the search where it finds
what holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from archcheck.network import Network, Op
from archcheck.network.attributes import attributes
from archcheck.progress import Progress
from archcheck.spec import Report
from archcheck.spec.report import Finding
from archcheck.suggestions.ease import Ladder
from archcheck.suggestions.edits import Change, Edit, Site, merged
from archcheck.suggestions.effects import other_shapes
from archcheck.suggestions.repairs.base import WINDOWS, Repair, Setting, View
from archcheck.suggestions.repairs.bounds import distance
from archcheck.suggestions.repairs.choice import repairs
from archcheck.suggestions.sites import Sites, Sources
from archcheck.suggestions.trials import Trial, Trials

ROUNDS = 6
"""The most repairs that are put together."""
BEAM = 8
"""How many networks of a round are repaired in the next one."""
MOST_A_ROUND = 240
"""The most edits that a round tries."""
ENOUGH = 24
"""How many that hold end a round."""
EASED = 6
"""How many of the best edits are tried with less change."""


@dataclass
class Found:
    """What a search has found so far: the edits after which everything holds, and the one that came
    closest, if any comes closer than the network as it is."""

    original: Report
    holding: list[Trial] = field(default_factory=list)
    closest: Trial | None = None


class Search:
    """A search that starts at a network that fails.

    Attributes:
        found: what it has found; it grows while :meth:`run` goes on.
    """

    def __init__(
        self, original: Report, sources: Sources, trials: Trials, on_progress: Progress
    ) -> None:
        assert original.network is not None
        self.found = Found(original)
        self._network = original.network
        self._sites = Sites(self._network, sources)
        self._trials = trials
        self._on_progress = on_progress
        self._tried: set[frozenset[tuple[Site, Change]]] = set()
        self._planned = 0
        self._least = self.promise(Trial({}, original))

    def run(self) -> None:
        """Search until something holds, or nothing more can be tried."""
        beam = [Trial({}, self.found.original)]
        for _ in range(ROUNDS):
            tried = list(self._try(self._next_edits(beam, _fewest)))
            if not self.found.holding and not self._closer(tried, beam):
                tried += self._try(self._next_edits(beam, _all))
            if self.found.holding:
                list(self._try(self._simpler()))
                self._ease()
                return
            beam = sorted(tried, key=self.promise)[:BEAM]

    def _closer(self, tried: Sequence[Trial], beam: Sequence[Trial]) -> bool:
        """Whether some edits come closer than those that they go on from."""
        least = min(map(self.promise, beam), default=())
        return any(self.promise(trial) < least for trial in tried)

    def _try(self, edits: Sequence[Edit]) -> Iterator[Trial]:
        self._planned += len(edits)
        enough = len(self.found.holding) + ENOUGH
        for trial in self._trials.run(edits):
            self._on_progress(self._trials.done, self._planned)
            if trial.report is None:
                continue
            if not failing(trial.report):
                self.found.holding.append(trial)
                if len(self.found.holding) >= enough:
                    return
            elif self.promise(trial) < self._least:
                self.found.closest, self._least = trial, self.promise(trial)
            yield trial

    def promise(self, trial: Trial) -> tuple[float, ...]:
        """How far an edit is from one that holds: less is better."""
        assert trial.report is not None and trial.report.network is not None
        wrong = failing(trial.report)
        off = sum(map(distance, wrong))
        return len(wrong), off, *cost(trial.edit, self._network, trial.report.network)

    def _simpler(self) -> list[Edit]:
        """The edits that hold without one of their places each: an early repair may not be needed
        after a later one."""
        edits: list[Edit] = []
        for trial in sorted(self.found.holding, key=self.promise)[:BEAM]:
            for left_out in trial.edit if len(trial.edit) > 1 else ():
                self._add({s: c for s, c in trial.edit.items() if s != left_out}, edits)
        return edits

    def _ease(self) -> None:
        """Try less of the changes of the best edits, as far as they hold."""
        best = sorted(self.found.holding, key=self.promise)[:EASED]
        spans = [(ladder, 0, ladder.steps) for ladder in (Ladder(each.edit) for each in best)]
        while spans := [(ladder, low, high) for ladder, low, high in spans if high - low > 1]:
            middle = [ladder.at((low + high) // 2) for ladder, low, high in spans]
            before = len(self.found.holding)
            list(self._try(middle))
            held = {_key(trial.edit) for trial in self.found.holding[before:]}
            spans = [
                (ladder, low, half) if _key(edit) in held else (ladder, half, high)
                for (ladder, low, high), edit in zip(spans, middle, strict=True)
                for half in [(low + high) // 2]
            ]

    # -- edits --------------------------------------------------------------------------------

    def _next_edits(self, beam: Sequence[Trial], chosen: Choice) -> list[Edit]:
        """The edits with one more repair, in turns from each network of the last round."""
        queues = [list(self._repaired(trial, chosen)) for trial in beam]
        edits: list[Edit] = []
        for number in range(max(map(len, queues), default=0)):
            for queue in queues:
                if number < len(queue):
                    self._add(queue[number], edits)
        return edits[:MOST_A_ROUND]

    def _add(self, edit: Edit, edits: list[Edit]) -> None:
        key = _key(edit)
        if key not in self._tried:
            self._tried.add(key)
            edits.append(edit)

    def _repaired(self, trial: Trial, chosen: Choice) -> Iterator[Edit]:
        report = trial.report
        assert report is not None and report.network is not None
        view = View(report.network)
        for each in chosen([repairs(view, finding) for finding in failing(report)]):
            for edit in self._edits(each, report.network):
                yield merged(trial.edit, edit)

    def _edits(self, repair: Repair, network: Network) -> Iterator[Edit]:
        """The edits of the original source that make a repair of an edited network."""
        options = [
            list(self._settings(network.ops[index], s, network)) for index, s in repair.items()
        ]
        if not all(options):
            return
        if len(options) == 1:
            yield from options[0]
            return
        for variant in range(max(map(len, options))):
            edit: dict[Site, Change] = {}
            for each in options:
                edit = merged(edit, each[min(variant, len(each) - 1)])
            yield edit

    def _settings(self, op: Op, setting: Setting, network: Network) -> Iterator[Edit]:
        original = self._original(op, network)
        if original is None:
            return
        yield from self._sites.edits(original, setting)

    def _original(self, op: Op, network: Network) -> Op | None:
        """The operation of the network as it is that an edited one's stands for."""
        if len(network.ops) == len(self._network.ops):
            return self._network.ops[op.index]
        same = [each for each in self._network.ops if each.module == op.module and each.module]
        return same[0] if same else None


def _key(edit: Edit) -> frozenset[tuple[Site, Change]]:
    return frozenset(edit.items())


def failing(report: Report) -> list[Finding]:
    """The findings that fail a run."""
    return [finding for finding in report.findings if finding.fails]


Choice = Callable[[Sequence[list[Repair]]], list[Repair]]
"""Which of the repairs of several rules are tried."""


def _all(choices: Sequence[list[Repair]]) -> list[Repair]:
    """Those of all rules."""
    return [each for choice in choices for each in choice]


def _fewest(choices: Sequence[list[Repair]]) -> list[Repair]:
    """The shortest list of repairs that is not empty."""
    return min((each for each in choices if each), key=len, default=[])


def cost(edit: Edit, before: Network, after: Network) -> tuple[int, int, float, float]:
    """What an edit costs: the places that it changes, the shapes, the share by which parameters
    and multiply-accumulates change, and how far windows reach beyond what they did, as a share of
    their maps."""
    figures = (
        (before.num_parameters, after.num_parameters),
        (before.macs or 0, after.macs or 0),
    )
    change = sum(abs(new - old) / max(old, 1) for old, new in figures)
    reach = sum(
        max(_reach(after, b) - _reach(before, a), 0)
        for a, b in zip(before.ops, after.ops, strict=False)
        if a.kind in WINDOWS and b.kind in WINDOWS
    )
    return len(edit), other_shapes(before, after), round(change, 6), round(reach, 6)


def _reach(network: Network, op: Op) -> float:
    """The side of a window, as a share of its map's."""
    a = attributes(network, op)
    sides = network.shape(op.inputs[0])[-len(a["kernel_size"]) :]
    spread = a.get("dilation", (1,) * len(sides))
    spans = zip(a["kernel_size"], spread, sides, strict=True)
    return max((float((taps - 1) * each / side) for taps, each, side in spans), default=0.0)
