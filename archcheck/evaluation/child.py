"""The process that runs the network on real images."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from archcheck.tracing import child

if TYPE_CHECKING:
    from archcheck.tracing.protocol import Message, Request


def main() -> None:
    """Serve one request from standard input."""
    child.main(EvaluationServer)


class EvaluationServer(child.Server):
    """Measures the accuracy that a request asks for."""

    def _answer(self, request: Request) -> Message:
        from archcheck.evaluation.images import find_images, read_images
        from archcheck.evaluation.run import evaluate_anywhere, load
        from archcheck.evidence.accuracy import Task
        from archcheck.evidence.datasets import DATASETS
        from archcheck.tracing.loading import loaded
        from archcheck.tracing.protocol import Evaluated, Progress
        from archcheck.tracing.seeding import seed
        from archcheck.tracing.weights import read_weights

        asked = request.evaluation
        assert asked is not None
        dataset = DATASETS[asked.dataset]
        # All files are read before the submission's code can run.
        images = read_images(dataset, *find_images(dataset, asked.data))
        weights = read_weights(asked.weights)
        sys.argv = [request.reference.file or request.reference.module]
        self._started = time.monotonic()
        self._say("imports")
        seed()
        with loaded(request.reference, request.arguments, self._say) as found:
            remark = load(found.model, weights, asked.weights)
            self._say("runs")
            began = time.monotonic()

            def told(done: int, total: int) -> None:
                self._started = time.monotonic()  # every batch has all the time that there is
                self._send(Progress(done, total))

            task = Task(asked.dataset, asked.mean, asked.std)
            count = evaluate_anywhere(found.model, images, task, told)
        seconds = time.monotonic() - began
        counts = (count.correct, len(images.labels), count.undefined)
        return Evaluated(*counts, count.device, seconds, weights.sha256, remark)
