"""The answers of one tool, or of the oracle, to every case: ``python -m benchmarks.answers TOOL``.

Every tool is used by its documented interface, in a process of its own. Printed is JSON: one answer
for each case, in order.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable

import msgspec
import torch

from benchmarks.cases import CASES, Case
from benchmarks.results import Answer


def truth(case: Case) -> Answer:
    """The size by gradients: the larger axis, the largest of the neighbouring units."""
    from tests.support import oracle

    fields = oracle.theoretical_field(
        case.build(), case.shape, at=case.at or None, phases=case.phases
    )
    return Answer(max(oracle.hull_size(unit) for axis in fields for unit in axis))


def archcheck(case: Case) -> Answer:
    """``archcheck.receptive_field(archcheck.trace(net, shape))``."""
    import archcheck

    field = archcheck.receptive_field(archcheck.trace(case.build(), case.shape))
    try:
        return Answer(max(field.at(case.at or "output").size))
    except archcheck.UnknownField as error:
        return Answer(why_not=str(error))


def torchlens(case: Case) -> Answer:
    """``torchlens.trace(net, x)``, then ``.receptive_field`` of the case's operation.

    Its status says whether the size is exact or an upper bound. Where there is no size, it refers
    to ``.gradient(unit)``: the positions with a gradient, for one unit, this input and these
    weights. As many units are measured as the oracle looks at.
    """
    import torchlens
    from torchlens.receptive_field import ReceptiveFieldError

    x = torch.rand(1, *case.shape)
    net = case.build().eval()
    log = torchlens.trace(net, x)
    field = (log[case.at] if case.at else log.output_ops[0]).receptive_field
    try:
        return Answer(max(field.size), "exact" if field.status.value == "exact" else "bound")
    except ReceptiveFieldError:
        pass
    ready = torchlens.options.CaptureOptions(backward_ready=True)
    log = torchlens.trace(net, x.requires_grad_(), capture=ready, save_mode="reference")
    op = log[case.at] if case.at else log.output_ops[0]
    sizes = []
    for phase in range(case.phases):
        unit = (0, 0, *(side // 2 + phase for side in op.shape[2:]))
        (field,) = op.receptive_field.gradient(unit, retain_graph=True).values()
        sizes += [stop - start for start, stop in field.support_ranges[2:]]
    return Answer(max(sizes), "gradients")


def torchscan(case: Case) -> Answer:
    """``torchscan.crawl_module(net, shape)``, its layers put one behind the other.

    It gives each layer's own window, stride and padding. What its column meant until version
    0.2, the field behind each layer on the input, is worked out from them here as it was there:
    as if the layers, in the order of their calls, were a chain.
    """
    from torchscan import crawl_module

    report = crawl_module(case.build(), case.shape)
    size, jump = 1.0, 1.0
    for layer in report["layers"]:
        if case.at and _after(layer["path"], case.at, report["layers"]):
            break
        window = layer["metrics"].get("receptive_field")
        if window is None:  # not a leaf
            continue
        if window["value"] is None or window["status"] != "complete":
            return Answer(why_not=f"{layer['path']}: {window['status']}")
        size += (window["value"] - 1) * jump
        jump *= layer["metrics"]["effective_stride"]["value"]
    return Answer(round(size))


def _after(path: str, at: str, layers: list[dict[str, str]]) -> bool:
    order = [layer["path"] for layer in layers]
    inside = [index for index, name in enumerate(order) if f"{name}.".startswith(f"{at}.")]
    return order.index(path) > inside[-1]


ANSWERS: dict[str, Callable[[Case], Answer]] = {
    "oracle": truth,
    "archcheck": archcheck,
    "TorchLens": torchlens,
    "torchscan": torchscan,
}


def answer(tool: str, case: Case) -> Answer:
    """One answer; if the tool raises, one without a size, with the reason."""
    torch.manual_seed(0)
    try:
        return ANSWERS[tool](case)
    except ImportError:
        raise
    except Exception as error:
        text = str(error).strip().splitlines()
        return Answer(why_not=f"{type(error).__name__}: {text[0] if text else ''}")


def main(tool: str, small: bool) -> None:
    """Print the answers, or the cases' names."""
    warnings.simplefilter("ignore")
    cases = CASES[:3] if small else CASES
    answers = [case.name if tool == "names" else answer(tool, case) for case in cases]
    sys.stdout.write(msgspec.json.encode(answers).decode() + "\n")


if __name__ == "__main__":
    main(sys.argv[1], "--small" in sys.argv)
