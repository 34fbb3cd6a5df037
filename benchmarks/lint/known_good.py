"""Lint published networks at their own size:
``python -m benchmarks.lint.known_good [--update-docs] [NAME ...]``."""

from __future__ import annotations

import argparse
import signal
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import nn

from archcheck import verify
from archcheck.lint import all_lint_rules
from archcheck.worker.construction import constructions_recorded
from benchmarks.kept import named
from benchmarks.lint.good_found import KEPT, TRUE, Good, Level, Said, load, today
from benchmarks.lint.good_page import with_known_good
from benchmarks.models.catalogue import TIMM
from benchmarks.processes import ROOT

PAGE = ROOT / "docs" / "lint.md"
LIMIT = 240
"""Seconds for a network."""
TORCHVISION = """
    alexnet convnext_tiny densenet121 efficientnet_b0 efficientnet_v2_s googlenet inception_v3
    maxvit_t mnasnet1_0 mobilenet_v2 mobilenet_v3_large regnet_x_400mf regnet_y_400mf resnet18
    resnet50 resnext50_32x4d shufflenet_v2_x1_0 squeezenet1_0 squeezenet1_1 swin_t swin_v2_t vgg11
    vgg11_bn vit_b_16 wide_resnet50_2 deeplabv3_resnet50 fcn_resnet50 lraspp_mobilenet_v3_large"""
LARGER = """
    beitv2_base_patch16_224 cait_s24_224 caformer_b36 coatnet_1_rw_224 convnext_base davit_base
    deit3_base_patch16_224 efficientnet_b4 fastvit_ma36 focalnet_base_srf hgnetv2_b4 hrnet_w32
    maxvit_small_tf_224 mobilenetv4_hybrid_medium mobilevitv2_100 mvitv2_base nextvit_base
    regnety_160 resnest50d resnet101 resnext101_32x8d seresnext50_32x4d swin_base_patch4_window7_224
    swinv2_base_window8_256 tf_efficientnetv2_m vit_base_patch16_224 xception41"""
"""Of some of timm's families, of which the catalogue of models has a small one."""
Shape = tuple[int, ...]


class _TooLong(BaseException):
    """No ``Exception``: those that a network raises are told as its own."""


def main(arguments: list[str]) -> int:
    """Lint what the command line names; 1 if something is said that is not known to be true."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    chosen = [key for key in _catalogue() if named(key[1], options.names)]
    found = []
    for key in chosen:
        found.append(_told(lint(*key)))
        if options.update_docs:
            _keep(found[-1:])
    if options.update_docs:
        text = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(with_known_good(text, load()), encoding="utf-8")
    return 1 if any(map(_unexplained, found)) else 0


def _catalogue() -> Iterator[tuple[str, str]]:
    for name in TORCHVISION.split():
        yield "torchvision", name
    for names in TIMM.values():
        for word in names.split():
            yield "timm", word.partition("@")[0]
    for name in LARGER.split():
        yield "timm", name


def _keep(found: Iterable[Good]) -> None:
    """Keep it with what is kept of the other networks."""
    known = {each.key: each for each in load().networks} if KEPT.exists() else {}
    known |= {each.key: each for each in found}
    versions = {name: version(name) for name in ("torch", "timm", "torchvision")}
    networks = tuple(known[key] for key in _catalogue() if key in known)
    today(versions, networks).save(KEPT)


def lint(library: str, name: str) -> Good:
    """What is said of a network. It gets no weights: nothing is downloaded."""
    begun = time.perf_counter()
    try:
        with _limit(LIMIT):
            with constructions_recorded():
                net, shape = _BUILDERS[library](name)
            said = tuple(_said(net, shape))
    except _TooLong:
        return Good(library, name, raised=f"takes more than {LIMIT} s")
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        return Good(library, name, raised=reason)
    return Good(library, name, shape, said, round(time.perf_counter() - begun, 1))


def _torchvision(name: str) -> tuple[nn.Module, Shape]:
    from torchvision import models

    side = 299 if name == "inception_v3" else 224
    options: dict[str, Any] = {}
    if name in ("googlenet", "inception_v3"):
        options["init_weights"] = False  # drawing them takes half a minute
    if name in models.list_models(module=models.segmentation):
        side, options["weights_backbone"] = 520, None
    return models.get_model(name, weights=None, **options), (3, side, side)


def _timm(name: str) -> tuple[nn.Module, Shape]:
    import timm

    net = timm.create_model(name, pretrained=False)
    return net, net.default_cfg["input_size"]


_BUILDERS = {"torchvision": _torchvision, "timm": _timm}


def _said(net: nn.Module, shape: Shape) -> Iterator[Said]:
    """Errors and warnings, and that a rule for them cannot tell.

    Raises:
        RuntimeError: if the network did not run.
    """
    rules = all_lint_rules()
    report = verify(net, {"input": list(shape), "lint": {"select": ["all"]}})
    for finding in report.findings:
        verdict = finding.verdict
        if not finding.aside and verdict.status == "not-verified" and not verdict.asides:
            raise RuntimeError(verdict.message)
        if not finding.aside:
            continue
        unknown = verdict.status == "not-verified" and rules[finding.rule].severity != "info"
        if finding.level == "note" and not unknown:
            continue
        level: Level = "error" if finding.level == "error" else "warning"
        places = (where.place for where in verdict.locations)
        place = next(filter(None, places), None)
        file, line = (_short(place.file), place.line) if place else ("", 0)
        yield Said(finding.rule, "cannot tell" if unknown else level, file, line, verdict.message)


def _short(file: str) -> str:
    """A path from the library's folder on."""
    parts = Path(file).parts
    start = next((i for i, part in enumerate(parts) if part in _BUILDERS), 0)
    return "/".join(parts[start:])


@contextmanager
def _limit(seconds: int) -> Iterator[None]:
    """Raise ``_TooLong`` in what takes longer."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise _TooLong

    previous = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def _unexplained(found: Good) -> list[str]:
    """The rules of what nobody has found to be true."""
    return list(dict.fromkeys(said.rule for said, why in found.faults if not why))


def _told(found: Good) -> Good:
    say = sys.stdout.write
    say(f"{found.library} {found.name}: {found.raised or f'{found.seconds} s'}\n")
    for each in found.said:
        say(f"  {each.level} {each.rule} at {each.file}:{each.line}: {each.message}\n")
    for rule in _unexplained(found):
        say(f"  {rule} has no reason in {TRUE.name}\n")
    sys.stdout.flush()
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.lint.known_good",
        description="Lint published networks of timm and torchvision at their own input size. "
        f"Exit code 1: an error or a warning that has no reason in {TRUE.name}.",
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="networks, or patterns such as 'resnet*'")
    add(
        "--update-docs",
        action="store_true",
        help="keep it with what is kept of other networks, and write it in docs/lint.md",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
