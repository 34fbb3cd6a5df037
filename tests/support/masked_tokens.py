"""Attention over all tokens with constant masks, in the spellings that people use."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Tokens(nn.Module):
    """Attention over all positions, as a function of queries, keys and values."""

    def __init__(self, attend: Callable[[Tensor, Tensor, Tensor], Tensor], dims: int = 1) -> None:
        super().__init__()
        conv = nn.Conv1d if dims == 1 else nn.Conv2d
        self.stem = conv(2, 4, 3, padding=1)
        self.qkv = nn.Linear(4, 12)
        self.last = conv(4, 2, 3, padding=1)
        self.attend = attend

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        sides = x.shape[2:]
        q, k, v = self.qkv(x.flatten(2).transpose(1, 2)).chunk(3, dim=-1)
        out = self.attend(q, k, v).transpose(1, 2)
        last: Tensor = self.last(out.reshape(*out.shape[:2], *sides))
        return last


def causal(n: int) -> Tensor:
    return torch.tril(torch.ones(n, n, dtype=torch.bool))


def near(n: int, reach: int = 2) -> Tensor:
    places = torch.arange(n)
    return (places[:, None] - places[None, :]).abs() <= reach


def low(open_: Tensor, value: float = float("-inf")) -> Tensor:
    return torch.zeros(open_.shape, dtype=torch.double).masked_fill(~open_, value)


def plain(q: Tensor, k: Tensor, v: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    return change(q @ k.transpose(-2, -1) / 2).softmax(-1) @ v


def written(s: Tensor) -> Tensor:
    s = s.clone()
    s[:, ~causal(s.shape[-1])] = float("-inf")
    return s


def heads(t: Tensor) -> Tensor:
    """Tokens of four features as two heads of two."""
    return t.view(*t.shape[:2], 2, 2).transpose(1, 2)


sdpa = F.scaled_dot_product_attention
Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
ATTENTION: dict[str, Attend] = {
    "sdpa, causal": lambda q, k, v: sdpa(q, k, v, is_causal=True),
    "sdpa, boolean": lambda q, k, v: sdpa(q, k, v, causal(q.shape[1])),
    "sdpa, added": lambda q, k, v: sdpa(q, k, v, low(near(q.shape[1]))),
    "sdpa, low": lambda q, k, v: sdpa(q, k, v, attn_mask=low(near(q.shape[1]), -1e9)),
    "sdpa, new_ones": lambda q, k, v: sdpa(
        q, k, v, q.new_ones(q.shape[1], q.shape[1]).tril().bool()
    ),
    "masked_fill": lambda q, k, v: plain(
        q, k, v, lambda s: s.masked_fill(~near(s.shape[-1]), float("-inf"))
    ),
    "masked_fill_": lambda q, k, v: plain(
        q, k, v, lambda s: s.masked_fill_(torch.ones_like(s, dtype=torch.bool).triu(1), -1e9)
    ),
    "where": lambda q, k, v: plain(q, k, v, lambda s: torch.where(causal(s.shape[-1]), s, -1e4)),
    "where, a tensor": lambda q, k, v: plain(
        q, k, v, lambda s: s.where(near(s.shape[-1]), torch.full([], -1e9).double())
    ),
    "added": lambda q, k, v: plain(q, k, v, lambda s: s + low(near(s.shape[-1]), -100.0)),
    "added by iadd": lambda q, k, v: plain(
        q, k, v, lambda s: s.add_(torch.full_like(s[0], float("-inf")).triu(1))
    ),
    "subtracted": lambda q, k, v: plain(
        q, k, v, lambda s: s - 1e9 * (~near(s.shape[-1], 1)).double()
    ),
    "subtracted from": lambda q, k, v: plain(
        q, k, v, lambda s: low(causal(s.shape[-1]), -1e9) - (-s)
    ),
    "multiplied and added": lambda q, k, v: plain(
        q, k, v, lambda s: s + (1.0 - causal(s.shape[-1]).double()) * -10000.0
    ),
    "two masks": lambda q, k, v: plain(
        q,
        k,
        v,
        lambda s: (s + low(near(s.shape[-1], 3))).masked_fill(~causal(s.shape[-1]), -1e9),
    ),
    "scaled behind the mask": lambda q, k, v: plain(
        q, k, v, lambda s: (s + low(near(s.shape[-1]), -1e9)) / 2.0 * 3
    ),
    "written": lambda q, k, v: plain(q, k, v, written),
    "triangle of weights": lambda q, k, v: (q @ k.transpose(1, 2)).tril() @ v,
    "zeros behind the softmax": lambda q, k, v: (
        plain(q, k, torch.eye(q.shape[1]).double()[None], lambda s: s).masked_fill(
            ~near(q.shape[1]), 0.0
        )
        @ v
    ),
    "renormalised": lambda q, k, v: (lambda a: (a / a.sum(-1, keepdim=True)) @ v)(
        plain(q, k, torch.eye(q.shape[1]).double()[None], lambda s: s).tril()
    ),
    "einsum": lambda q, k, v: torch.einsum(
        "...ij,...jd->...id",
        (torch.einsum("bid,bjd->bij", q, k) + low(near(q.shape[1]))).softmax(-1),
        v,
    ),
    "bmm": lambda q, k, v: torch.bmm(
        F.dropout(
            torch.baddbmm(low(causal(q.shape[1])).unsqueeze(0), q, k.transpose(1, 2)).softmax(-1),
            0.5,
            False,
        ),
        v,
    ),
    "the sum of products": lambda q, k, v: (
        ((q @ k.transpose(1, 2)) + low(near(q.shape[1]))).softmax(-1).unsqueeze(-1) * v.unsqueeze(1)
    ).sum(2),
    "keys first": lambda q, k, v: (
        (
            (k @ q.transpose(1, 2)).masked_fill(~causal(q.shape[1]).T, float("-inf")).softmax(1)
        ).transpose(1, 2)
        @ v
    ),
    "heads": lambda q, k, v: (
        sdpa(heads(q), heads(k), heads(v), low(near(q.shape[1]))).transpose(1, 2).flatten(2)
    ),
    "a mask for each head": lambda q, k, v: (
        sdpa(
            heads(q),
            heads(k),
            heads(v),
            torch.stack([near(q.shape[1], 1), causal(q.shape[1])]),
        )
        .transpose(1, 2)
        .flatten(2)
    ),
    "grouped queries": lambda q, k, v: (
        sdpa(
            heads(q),
            k[:, None, :, :2],
            v[:, None, :, 2:],
            is_causal=True,
            enable_gqa=True,
        )
        .transpose(1, 2)
        .flatten(2)
    ),
    "fewer keys": lambda q, k, v: sdpa(q, k[:, ::2], v[:, ::2], near(q.shape[1])[:, ::2]),
    "blocks": lambda q, k, v: sdpa(
        q, k, v, torch.kron(torch.eye(q.shape[1] // 4), torch.ones(4, 4)).bool()
    ),
    "rows that are low throughout": lambda q, k, v: sdpa(
        q, k, v, (torch.arange(q.shape[1]) > 3)[:, None].double() * -1000.0
    ),
}
