"""A run of the benchmarks as words: for the terminal, and as the section of docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from benchmarks.ratios import Spread
from benchmarks.results import Answer, Case, Part, Results, Series
from benchmarks.tools import (
    ASSIGNMENT,
    CHECK_CACHED,
    CHECK_MANY,
    FIELDS,
    UNET,
    VERIFY_CACHED,
    VERIFY_MANY,
    VERIFY_ONE,
)

BEGIN, END = "<!-- benchmarks -->", "<!-- end of benchmarks -->"
COMMAND = """\
.venv/bin/pip install -q -c constraints.txt -e '.[bench]'
.venv/bin/python -m benchmarks --update-docs"""
TITLES = {
    "whole-process": "Whole processes",
    "memory": "Memory of whole processes",
    "in-process": "In process",
    "scaling": "Growth",
    "correctness": "Receptive fields",
}
PASSED = {True: "✓", False: "✗"}


def lines(name: str, part: Part, cases: Sequence[Case] = ()) -> Iterable[str]:
    """The results of one part, for the terminal."""
    yield TITLES[name]
    yield from _figures(name, part)
    if cases:
        yield from (f"  {line}" for line in _cases(cases))


def _figures(name: str, part: Part) -> Iterable[str]:
    show = megabytes if name == "memory" else seconds
    width = max((len(series.name) for series in part.series), default=0)
    for series in part.series:
        yield f"  {series.name:{width}}  {show(series.spread.median):>9}  {_range(series, show)}"
    for pair in part.ratios:
        goal = "" if pair.goal is None else f"   {PASSED[pair.met]} at most {pair.goal:g}"
        yield f"  {pair.name} / {pair.over}: {ratio(pair.spread)}{goal}"
    for tool, why in part.failed.items():
        yield f"  {tool}: not measured: {why}"


def _range(series: Series, show: Callable[[float], str]) -> str:
    spread = series.spread
    return f"({show(spread.low)} to {show(spread.high)})"


def section(results: Results) -> str:
    """The section of `docs/benchmarks.md`."""
    parts = results.parts
    blocks = [
        "**A ResNet-50 at 224×224 from the shell**: whole processes with all that they start.",
        _whole_table(parts["whole-process"], parts["memory"]),
        " ".join(_sentences(parts["whole-process"], parts["memory"])),
        "**In a process that has everything imported**: one call.",
        table(
            ("", "time", "torchinfo's", "ratio"),
            [
                (name, time, other, beside)
                for name, time, _, other, beside in _pairs(parts["in-process"])
            ],
            figures=True,
        ),
        "**How archcheck grows** with the image and with the depth:",
        table(("", "time", "over", "time", "ratio"), _pairs(parts["scaling"]), figures=True),
        "**The size of the receptive field**, by gradients and by every tool that reports one:",
        "\n".join(_cases(results.cases)),
        "✗ is wrong. ≤: TorchLens says that the size is an upper bound. In brackets: it has no "
        "size, but the gradients of one unit by the network's own weights. torchscan gives each "
        "layer's own window; the column puts its layers one behind the other. torchinfo and fvcore "
        "report no receptive field.",
        *_failures(results),
        f"In each of {results.rounds} rounds every tool runs once in a fresh process, and the next "
        "round goes the other way. Ratios are taken within a round; shown are medians, and the "
        f"quartiles in brackets. {measured_on(results)} What each figure means stands in "
        "[benchmarks](../benchmarks/README.md). To measure everything anew, and write "
        "this section:",
        f"```sh\n{COMMAND}\n```",
    ]
    return "\n\n".join(blocks)


def with_section(document: str, text: str, begin: str = BEGIN, end: str = END) -> str:
    """A document with the section between its markers replaced.

    Raises:
        ValueError: if it has no such markers.
    """
    before, begins, rest = document.partition(begin)
    _, ends, after = rest.partition(end)
    if not begins or not ends:
        raise ValueError(f"the document has no {begin} … {end}")
    body = f"\n{text}\n\n" if text else "\n"
    return f"{before}{begin}{body}{end}{after}"


def measured_on(results: Results) -> str:
    """Where and when, with which versions."""
    machine = results.machine
    threads = f"{results.threads} threads" if results.threads else "torch's own number of threads"
    tools = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    return (
        f"Measured on {results.date}: {machine['processor']}, {machine['cores']} cores, "
        f"{machine['system']}, Python {machine['python']}, {tools}; {threads}."
    )


def seconds(value: float) -> str:
    """A time as people read it."""
    return f"{value * 1000:.3g} ms" if value < 0.9995 else f"{value:.2f} s"


def megabytes(value: float) -> str:
    """Bytes as megabytes."""
    return f"{value / 1e6:,.0f} MB"


def ratio(spread: Spread) -> str:
    """The median and the quartiles."""
    return f"{spread.median:.2f} ({spread.low:.2f}–{spread.high:.2f})"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, figures: bool = False) -> str:
    """A table in Markdown; ``figures`` stand to the right, in all columns but the first."""
    rule = ["---", *["---:" if figures else "---"] * (len(titles) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (titles, rule, *rows))


_TOLD_IN_SENTENCES = {
    *("archcheck verify", VERIFY_CACHED, CHECK_CACHED, CHECK_MANY, ASSIGNMENT),
    *(VERIFY_MANY, VERIFY_ONE),
}


def _whole_table(times: Part, memory: Part) -> str:
    over = {pair.name: pair for pair in times.ratios if pair.over == "torchinfo"}
    rows = []
    for series in times.series:
        if series.name in _TOLD_IN_SENTENCES:
            continue
        used = memory.named(series.name)
        if series.name == "torchinfo":
            beside = "1"
        else:
            beside = ratio(over[series.name].spread) if series.name in over else "–"
        rows.append(
            (
                _what(series.name),
                seconds(series.spread.median),
                beside,
                megabytes(used.spread.median) if used else "–",
            )
        )
    return table(("", "time", "beside torchinfo", "peak memory"), rows, figures=True)


def _what(name: str) -> str:
    tool, _, rest = name.partition(",")
    if tool == "archcheck inspect":
        return f"**`{tool}`{rest or ', nothing cached'}**"
    return f"`{tool}`" if tool == "import torch" else tool


def _sentences(times: Part, memory: Part) -> Iterable[str]:
    for pair in times.ratios:
        if (pair.name, pair.over) == ("archcheck verify", "import torch"):
            yield (
                "`archcheck verify` of an assignment's network, nothing cached, takes "
                f'{ratio(pair.spread)} times as long as `python -c "import torch"` alone.'
            )
    for name in (VERIFY_CACHED, CHECK_CACHED):
        yield from _cached(name, times, memory)
    many, torch = times.named(CHECK_MANY), times.named("import torch")
    if many is not None and torch is not None:
        yield (
            "`archcheck check` of 20 small networks, nothing cached, takes "
            f"{seconds(many.spread.median)}, where importing torch alone takes "
            f"{seconds(torch.spread.median)}."
        )
    each = next((pair for pair in times.ratios if pair.name == VERIFY_MANY), None)
    if each is not None:
        yield (
            "`archcheck verify` of 100 small networks, two at once and nothing cached, takes "
            f"{ratio(each.spread)} of the time of a process for each of them."
        )
    large = memory.named(UNET)
    if large is not None:
        used = megabytes(large.spread.median)
        yield f"`archcheck inspect` of a U-Net of 31 M parameters at 4096×4096 takes {used}."


def _cached(name: str, times: Part, memory: Part) -> Iterable[str]:
    beside = next((pair for pair in times.ratios if pair.name == name), None)
    series, used = times.named(name), memory.named(name)
    if beside is None or series is None or used is None:
        return
    what = {
        VERIFY_CACHED: "`archcheck verify` of that network",
        CHECK_CACHED: "`archcheck check` of the assignment's five networks",
    }[name]
    yield (
        f"{what}, where nothing has changed, takes {seconds(series.spread.median)} and "
        f"{megabytes(used.spread.median)}: {ratio(beside.spread)} of the time of torchinfo's "
        "summary of that network."
    )


def _pairs(part: Part) -> Iterable[tuple[str, str, str, str, str]]:
    """Name, time, name, time and ratio of every pair."""
    for pair in part.ratios:
        one, other = part.named(pair.name), part.named(pair.over)
        assert one is not None
        assert other is not None
        times = seconds(one.spread.median), seconds(other.spread.median)
        yield pair.name, times[0], pair.over, times[1], ratio(pair.spread)


def _cases(cases: Sequence[Case]) -> Iterable[str]:
    tools = [tool for tool in FIELDS if all(tool in case.answers for case in cases)]
    rows = [
        (case.name, str(case.truth), *(_cell(case.answers[tool], case.truth) for tool in tools))
        for case in cases
    ]
    return table(("network", "by gradients", *tools), rows, figures=True).splitlines()


def _cell(answer: Answer, truth: int) -> str:
    if answer.size is None:
        return "none"
    if answer.kind == "bound" and answer.size >= truth:
        return f"≤ {answer.size}"
    text = f"({answer.size})" if answer.kind == "gradients" else str(answer.size)
    return text if answer.size == truth else f"{text} ✗"


def _failures(results: Results) -> Iterable[str]:
    for name, part in results.parts.items():
        for tool, why in part.failed.items():
            yield f"Not measured: {tool} ({TITLES[name].lower()}): {why}"
