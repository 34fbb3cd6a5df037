"""What a training shows: a bar on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from training.engine import Score


class Progress:
    """The progress of a training, on stderr."""

    def __init__(self, epochs: int, steps: int, first: int, device: str) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._device = device
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._epochs = self._bars.add_task("epochs", total=epochs, completed=first)
        self._steps = self._bars.add_task("steps", total=steps)

    def __enter__(self) -> Progress:
        self._bars.start()
        self.say(f"training on {self._device}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def say(self, text: str) -> None:
        self._console.print(text)

    def step(self, done: int) -> None:
        """After each step; costs nothing worth speaking of."""
        self._bars.update(self._steps, completed=done)

    def epoch(self, number: int, score: Score, held: Score | None, speed: float) -> None:
        """After each epoch."""
        shown = f"{number:4}  loss {score.loss:.4f}  train {score.accuracy:6.2%}"
        if held is not None:
            shown += f"  held out {held.accuracy:6.2%}"
        self.say(f"{shown}  {speed:,.0f} images/s")
        self._bars.update(self._epochs, completed=number)
