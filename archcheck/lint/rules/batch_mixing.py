"""``batch-mixing``: an output for one sample that depends on another sample."""

from __future__ import annotations

from archcheck.lint.base import Fault, Findings, LintRule, Sample, Unknown, fault_of, register
from archcheck.lint.chains import name_of
from archcheck.lint.linted import Linted
from archcheck.lint.mixing import Mix
from archcheck.lint.softmaxes import softmaxes
from archcheck.network import Network
from archcheck.network.kinds import ATTENTION, RECURRENT
from archcheck.phrases import shape_text
from archcheck.rules.base import location


@register
class BatchMixing(LintRule):
    """
    ## What it finds
    An output for one sample that depends on another sample of the batch: an attention or a
    recurrent layer that takes the batch for the sequence, a reshape that puts parts of several
    samples into one row. The exact sets of samples that every unit reads are followed through a
    pass over several samples. Batch normalisations are apart, and so is what has no samples: a loss
    or a mean over the batch. A softmax along the batch is `softmax-over-batch`.

    ## Why it matters
    Results depend on what else is in the batch, and training goes on with a lower loss than the
    task allows. A variational autoencoder viewed the state of an LSTM, which is layers first, as if
    it were batch first (timbmg/Sentence-VAE#15); a published transformer for tables attended over
    the batch (IBM/TabFormer PR 14).

    ## Example
    ```python
    self.attention = nn.MultiheadAttention(64, 4)  # batch_first=True
    ...
    x, _ = self.attention(x, x, x)  # x: (batch, tokens, 64)
    ```

    ## When to ignore it
    Where samples are compared on purpose, as a layer that shows a discriminator the whole batch.
    """

    name = "batch-mixing"
    severity = "error"
    summary = "An output for one sample depends on another sample of the batch."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 4)  # <-
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        y, _ = self.attention(x, x, x)
        return self.head((x + y).mean(1))
""",
            (7, 16),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList()
        for _ in range(2):
            self.layers.append(nn.TransformerEncoderLayer(16, 4, 32))  # <-

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
""",
            (7, 16),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 16)  # <-
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        y, _ = self.lstm(x)
        return self.head(y[:, -1])
""",
            (7, 8),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(8, 16, 2, batch_first=True)
        self.mean = nn.Linear(32, 4)

    def forward(self, x):
        _, state = self.rnn(x)
        state = state.view(x.size(0), 32)  # <-
        return self.mean(state)
""",
            (7, 8),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.LSTM(8, 16, batch_first=True, bidirectional=True)
        self.decode = nn.LSTM(8, 32, batch_first=True)

    def forward(self, x):
        _, (state, cell) = self.encode(x)
        state = state.view(1, len(x), -1)  # <-
        cell = cell.permute(1, 0, 2).reshape(1, len(x), -1)
        return self.decode(x, (state, cell))[0]
""",
            (7, 8),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(8, 16)
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        y, _ = self.rnn(x.reshape(7, -1, 8))  # <-
        return self.head(y[-1])
""",
            (7, 8),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 2)
        self.head = nn.Linear(540, 10)

    def forward(self, x):
        x = self.conv(x)
        x = x.view(-1, 540)  # <-
        return self.head(x)
""",
            (3, 20, 11),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        x = self.head(x)
        return F.normalize(x, dim=0)  # <-
""",
            (8,),
        ),
        Sample(
            """
class Net(nn.Module):
    def forward(self, x):
        x = x.permute(1, 0, 2)
        return x.reshape(x.shape[1], x.shape[0], x.shape[2])  # <-
""",
            (7, 8),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.projections = nn.Linear(8, 24)

    def forward(self, x):
        q, k, v = self.projections(x).chunk(3, -1)
        return (q @ k.t()).softmax(-1) @ v  # <-
""",
            (8,),
        ),
        Sample(
            """
class Net(nn.Module):
    def forward(self, x):
        return x.t().reshape(x.shape)  # <-
""",
            (3,),
        ),
    )
    sound = (
        Sample(
            """
class Net(nn.Module):
    def forward(self, x):
        y = F.layer_norm(x.unsqueeze(-1), (1,)).squeeze(-1)  # a single number leaves nothing
        return x + (y @ y.transpose(0, 1)).softmax(-1) @ y
""",
            (7,),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x)[0]
""",
            (7, 16),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(16, 4, 32)
        self.norm = nn.BatchNorm1d(16)

    def forward(self, x):
        return self.norm(self.layer(x.transpose(0, 1)).mean(0))
""",
            (7, 16),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.LSTM(8, 16, 2, batch_first=True, bidirectional=True)
        self.decode = nn.GRU(8, 64)

    def forward(self, x):
        _, (state, cell) = self.encode(x)
        state = state.transpose(0, 1).reshape(x.size(0), -1)
        return self.decode(x.transpose(0, 1), state.unsqueeze(0))[0].transpose(0, 1), cell[-1]
""",
            (7, 8),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.image = nn.Conv2d(3, 8, 3, 2)
        self.frames = nn.LSTM(8, 6, batch_first=True)

    def forward(self, x):
        samples, steps = x.shape[:2]
        x = self.image(x.flatten(0, 1)).mean((2, 3))
        return self.frames(x.view(samples, steps, 8))[0].mean(1)
""",
            (4, 3, 10, 10),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        samples, _, height, width = x.shape
        x = x.view(samples, 8, height // 4, 4, width // 4, 4).permute(0, 2, 4, 3, 5, 1)
        x = x.reshape(-1, 16, 8)
        x = self.mix(x, x, x)[0]
        x = x.view(samples, height // 4, width // 4, 4, 4, 8).permute(0, 5, 1, 3, 2, 4)
        return x.reshape(samples, 8, height, width)
""",
            (8, 8, 12),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(8, 3)

    def forward(self, x):
        gates = self.gate(x).softmax(1)
        return gates, gates.mean(0), (gates.mean(0) ** 2).sum()
""",
            (8,),
        ),
        Sample(
            """
class Net(nn.Module):
    def forward(self, image, text):
        scores = F.normalize(image, dim=1) @ F.normalize(text, dim=1).t()
        return scores.softmax(1), image @ image.t()
""",
            ((8,), (8,)),
        ),
        Sample(
            """
class Net(nn.Module):
    def forward(self, x):
        return torch.stack([F.layer_norm(each - each.mean(0), (8,)) for each in x])
""",
            (7, 8),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.queries = nn.Parameter(torch.rand(5, 8))
        self.head = nn.Conv2d(4, 1, 3)

    def forward(self, x):
        samples = len(x)
        masks = torch.einsum("qc,bchw->bqhw", self.queries, x)
        x = x.unsqueeze(1).repeat(1, 5, 1, 1, 1).flatten(0, 1)[:, :3]
        x = self.head(torch.cat([x, masks.flatten(0, 1).unsqueeze(1)], 1))
        return x.view(samples, 5, x.shape[-2], x.shape[-1])
""",
            (8, 6, 7),
        ),
    )

    def find(self, linted: Linted) -> Findings:
        several = linted.several
        if several is None:
            return
        along_batch = {softmax.op.index for softmax in softmaxes(several)}
        for mix in linted.mixing.mixes:
            if mix.op.index not in along_batch:
                yield _fault(several, mix)
        for cause in linted.mixing.unknown:
            where = () if cause.op is None else (location(several.ops[cause.op]),)
            yield Unknown(f"which samples the output reads: {cause.reason}", where)


def _fault(network: Network, mix: Mix) -> Fault:
    op = mix.op
    name = f"{op.kind} in {op.module}" if op.module else op.kind
    before = [shape_text(network.shape(tensor)) for tensor in op.inputs[:1]]
    shapes = " → ".join([*before, shape_text(network.shape(op.outputs[0]))])
    joins = " and ".join([", ".join(map(str, mix.joins[:-1])), *map(str, mix.joins[-1:])])
    of_batch = f"of a batch of {network.batch}"
    if mix.joined_by is op:
        text = f"{name} ({shapes}) joins the samples {joins} {of_batch}"
    elif mix.joined_by is None:
        text = f"{name} ({shapes}) puts values of other samples in a sample's place"
    else:
        then = name_of(mix.joined_by)
        text = f"{name} ({shapes}) takes the samples apart: {then} joins {joins} {of_batch}"
    return fault_of(op, text, _remedy(op.kind, joined=mix.joined_by is op))


def _remedy(kind: str, *, joined: bool) -> str:
    if joined and (kind in RECURRENT or kind in ATTENTION):
        return "say batch_first=True where the batch is first, or transpose the input"
    if joined:
        return "name another dimension than the batch's"
    return "permute the dimensions until the batch is first, then reshape"
