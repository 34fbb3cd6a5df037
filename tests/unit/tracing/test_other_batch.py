"""A network that reads the size of its batch has to be the same for every batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import archcheck
from archcheck.cache.sealed import SealedFiles
from archcheck.cache.store import Store
from archcheck.cache.tracing import CachedTracing
from archcheck.network import Network
from archcheck.tracing.other_batch import trace_for_batches
from archcheck.worker.failures import RunError
from archcheck.worker.reference import parse_reference

SHAPE = (3, 8, 8)


class Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 4, 3, padding=1)
        self.two = nn.Conv2d(4, 4, 3, padding=1)
        self.fc = nn.Linear(256, 10)


class Flattens(Base):
    def forward(self, x: torch.Tensor) -> Any:
        x = self.two(self.one(x))
        return self.fc(x.view(x.size(0), -1))


class Unpacks(Base):
    def forward(self, x: torch.Tensor) -> Any:
        n, c, h, w = x.shape
        x = self.one(x.reshape(n * c // 3, 3, h, w))
        return x * torch.ones(n, 1, 1, 1) / len(x) + torch.arange(n)[n - 1]


class SampleBySample(Base):
    def forward(self, x: torch.Tensor) -> Any:
        return torch.stack([self.two(self.one(x[i : i + 1]))[0] for i in range(len(x))])


class WritesSamples(Base):
    def forward(self, x: torch.Tensor) -> Any:
        out = torch.empty(x.shape[0], 4, 8, 8)
        for i in range(x.shape[0]):
            out[i] = self.one(x[i])
        return out


class Divided(Base):
    """Frames of a video: four samples are one."""

    def forward(self, x: torch.Tensor) -> Any:
        n = x.shape[0]
        assert n <= 2 or n % 4 == 0
        return self.two(self.one(x))


class DecidesByValue(Base):
    def forward(self, x: torch.Tensor) -> Any:
        deep = bool(x.view(x.size(0), -1)[0].sum() > 0)
        return self.two(self.one(x)) if deep else self.one(x)


class Squeezes(Base):
    def forward(self, x: torch.Tensor) -> Any:
        assert x.shape[0] > 0
        return self.two(self.one(x)).mean((2, 3)).squeeze() * 2


class InGroups(Base):
    def forward(self, x: torch.Tensor) -> Any:
        group = min(x.shape[0], 4)
        spread = self.one(x).view(group, -1, 4, 8, 8).std(0, unbiased=False)
        return self.one(x) + spread.mean()


SAME = [Flattens, Unpacks, SampleBySample, WritesSamples, DecidesByValue, Squeezes, Divided]


@pytest.mark.parametrize("kind", SAME)
@pytest.mark.parametrize("training", [False, True])
def test_a_network_that_only_reads_the_size_is_the_same(kind: type[Base], training: bool) -> None:
    network = trace_for_batches(kind(), SHAPE, training=training)
    assert network.reads_batch is not None
    once = archcheck.trace(kind(), SHAPE, training=training)
    assert [op.function for op in network.ops] == [op.function for op in once.ops]
    assert (network.batch, network.tensors) == (once.batch, once.tensors)


def test_samples_that_are_treated_in_groups_need_a_batch_that_they_divide(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "archcheck.tracing.other_batch.secrets.randbelow", lambda most: 2
    )  # a batch of 5
    with pytest.raises(RunError, match="another network for other batches"):
        trace_for_batches(InGroups(), SHAPE)


class Shallow(Base):
    def forward(self, x: torch.Tensor) -> Any:
        x = self.one(x)
        return x if x.shape[0] > 2 else self.two(x)


class Deep(Base):
    def forward(self, x: torch.Tensor) -> Any:
        x = self.one(x)
        return self.two(x) if len(x) > 2 else x


class Dilates(Base):
    def forward(self, x: torch.Tensor) -> Any:
        d = 2 if x.size(0) <= 2 else 1
        return F.conv2d(x, self.one.weight, padding=d, dilation=d)


class OtherWeights(Base):
    def __init__(self) -> None:
        super().__init__()
        self.three = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> Any:
        return (self.one if x.shape[0] <= 2 else self.three)(x)


class OncePerSample(Base):
    def forward(self, x: torch.Tensor) -> Any:
        x = self.one(x)
        for _ in range(x.shape[0]):
            x = self.two(x)
        return x


class Masks(Base):
    def forward(self, x: torch.Tensor) -> Any:
        band = 2 if x.shape[0] <= 2 else 5
        mask = torch.ones(8, 8, dtype=torch.bool).tril(band)
        return F.scaled_dot_product_attention(x, x, x, attn_mask=mask)


class DropsOutput(Base):
    def forward(self, x: torch.Tensor) -> Any:
        y = self.one(x)
        z = self.two(y)
        return (y, z) if x.shape[0] <= 2 else (z, y)


class CountsOnes(Base):
    def forward(self, x: torch.Tensor) -> Any:
        few = torch.ones_like(x).flatten().sum() < 500
        return self.two(self.one(x)) if few else self.one(x)


class AsksNumpy(Base):
    def forward(self, x: torch.Tensor) -> Any:
        few = np.shape(x)[0] <= 2
        return self.two(self.one(x)) if few else self.one(x)


OTHER = [Shallow, Deep, Dilates, OtherWeights, OncePerSample, Masks, DropsOutput, CountsOnes]
OTHER += [AsksNumpy]


@pytest.mark.parametrize("kind", OTHER)
def test_another_network_for_large_batches_fails(kind: type[Base]) -> None:
    with pytest.raises(RunError, match="another network for other batches") as caught:
        trace_for_batches(kind(), SHAPE)
    place = caught.value.place
    assert place is not None
    assert Path(place.file).name == Path(__file__).name
    assert archcheck.trace(kind(), SHAPE).ops  # nothing is compared


class OnlyOne(Base):
    def forward(self, x: torch.Tensor) -> Any:
        assert x.shape[0] == 1, "one at a time"
        return self.one(x)


def test_a_network_for_a_batch_of_one_alone_fails_at_its_line() -> None:
    with pytest.raises(
        RunError, match=r"works on a batch of 1, and not of \d+.*one at a time"
    ) as e:
        trace_for_batches(OnlyOne(), SHAPE)
    assert e.value.place is not None
    assert (
        "assert x.shape[0] == 1"
        in Path(e.value.place.file).read_text().splitlines()[e.value.place.line - 1]
    )


class Reads(Base):
    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what

    def forward(self, x: torch.Tensor) -> Any:
        eval(compile(self.what, __file__, "eval"), {"x": x, "torch": torch})
        return self.one(x)


READS = [
    "x.shape[0]",
    "x.size(0)",
    "x.size()",
    "len(x)",
    "x.numel()",
    "x.stride()",
    "x.size(dim=0)",
]
READS += ["torch.numel(x)", "x.size(-4)", "x.nelement()", "[*x]", "x.unbind()", "x.chunk(2)"]


@pytest.mark.parametrize("what", READS)
def test_every_way_of_reading_the_size_is_noticed(what: str) -> None:
    assert archcheck.trace(Reads(what), SHAPE).reads_batch is not None


@pytest.mark.parametrize("what", ["x.size(1)", "x.size(-1)", "x.dtype", "x.dim()", "x.chunk(3, 1)"])
def test_what_tells_nothing_of_the_batch_is_no_reading(what: str) -> None:
    assert archcheck.trace(Reads(what), SHAPE).reads_batch is None


def test_torchs_own_layers_read_nothing() -> None:
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(4)
            self.attend = nn.MultiheadAttention(4, 2, batch_first=True)

        def forward(self, x: torch.Tensor) -> Any:
            out: torch.Tensor = self.attend(x, x, x)[0]
            return out

    network: Network = trace_for_batches(Attends(), (5, 4))
    assert network.reads_batch is None


NET = """\
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(3, 4, 3)
        self.two = nn.Conv2d(4, 4, 3)
    def forward(self, x):
        x = self.one(x)
        return self.two(x) if x.shape[0] <= 2 else x
"""
SPEC = {"input": [3, 8, 8], "rules": {"receptive-field": {"at_least": 5}}}


@pytest.mark.parametrize("way", ["file", "module"])
def test_verifying_tries_another_batch(tmp_path: Path, way: str) -> None:
    (tmp_path / "net.py").write_text(NET)
    report = archcheck.verify(tmp_path / "net.py" if way == "file" else Shallow(), SPEC)
    first, rule = report.findings
    assert (first.rule, first.verdict.status, rule.verdict.status) == (
        "runs",
        "failed",
        "not-verified",
    )
    assert first.message.startswith("another network for other batches: conv2d in two")
    if way == "file":
        lines = {where.place.line for where in first.verdict.locations if where.place}
        assert 9 in lines


def test_a_network_that_was_verified_need_not_be_traced_again_to_be_inspected(
    tmp_path: Path,
) -> None:
    (tmp_path / "net.py").write_text(NET.replace(" if x.shape[0] <= 2 else x", ""))
    reference = parse_reference(str(tmp_path / "net.py"))
    store = Store(SealedFiles(tmp_path / "cache", b"key"))
    remarks = []
    for other_batches in (True, True, False):
        with CachedTracing(reference, store) as tracer:
            tracer.trace([SHAPE], other_batches=other_batches)
        remarks.append(tracer.remark)
    kept = "the network is traced, since the cache has none of it; it is kept in the cache"
    used = "the network comes from the cache"
    assert remarks == [kept, used, used]


ONE_SIZE = """\
import torch
from torch import nn

SPECIAL = 200

def matched(net, x, n):
    match n, x.dim():
        case (64 | 96, 4):
            return net.two(x)
        case _:
            return x

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)
        self.size = 128
        self.table = {{64: self.two}}
        self.names = nn.ModuleDict({{"64": self.two}})

    def forward(self, x):
        n = x.shape[0]
        x = self.one(x)
        return {result}
"""


@pytest.mark.parametrize(
    "result",
    [
        "self.two(x) if n == 64 else x",
        "self.two(x) if x.size(0) in (64, 100) else x",
        "self.two(x) if len(x) > 99 else x",
        "self.two(x) if n == self.size else x",
        "self.two(x) if n == SPECIAL else x",
        "x if n % 64 else self.two(x)",
        "{64: self.two}.get(n, nn.Identity())(x)",
        "self.table[n](x) if n in self.table else x",
        "self.names[str(n)](x) if str(n) in self.names else x",
        "self.two(x) if f'{n} images' == '64 images' else x",
        "matched(self, x, n)",
    ],
)
def test_a_batch_that_forward_compares_its_own_with_is_tried(tmp_path: Path, result: str) -> None:
    (tmp_path / "net.py").write_text(ONE_SIZE.format(result=result), "utf-8")
    spec = {"input": list(SHAPE), "rules": {"layers": {"kind": "Conv2d", "exactly": 1}}}
    report = archcheck.verify(tmp_path / "net.py", spec)
    assert report.findings[0].rule == "runs"
    assert "another network for other batches" in report.findings[0].verdict.message


@pytest.mark.parametrize("result", ["x.view(n, -1)", "x if x.shape[1] == 4 else self.two(x)"])
def test_comparisons_that_decide_nothing_by_the_batch_pass(tmp_path: Path, result: str) -> None:
    (tmp_path / "net.py").write_text(ONE_SIZE.format(result=result), "utf-8")
    spec = {"input": list(SHAPE), "rules": {"layers": {"kind": "Conv2d", "exactly": 1}}}
    assert archcheck.verify(tmp_path / "net.py", spec).passed
