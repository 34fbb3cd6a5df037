"""The commands and their options."""

from __future__ import annotations

import time
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from archcheck.cli.errors import FAILED, UsageError, guarded

if TYPE_CHECKING:
    from archcheck.spec import Report

app = typer.Typer(
    name="archcheck",
    help="Tell whether a PyTorch network is built the way it has to be.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class VerifyFormat(str, Enum):
    """How ``verify`` reports."""

    full = "full"
    concise = "concise"
    json = "json"


class TableFormat(str, Enum):
    """How tables are printed."""

    text = "text"
    json = "json"


Net = Annotated[
    str,
    typer.Argument(
        metavar="NET",
        help="The network: FILE, FILE:Name or package.module:Name, where Name is a class, "
        "a function that returns a network, or an instance.",
        show_default=False,
    ),
]
InputShape = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="SHAPE",
        help="The shape of one sample without the batch, like 3,32,32. Several for a network of "
        "several inputs.",
        show_default=False,
    ),
]
Arguments = Annotated[
    list[str] | None,
    typer.Option(
        "--arg",
        metavar="NAME=VALUE",
        help="An argument for the constructor; the value is read as YAML.",
        show_default=False,
    ),
]
Train = Annotated[bool, typer.Option("--train", help="Trace in training mode.")]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout", metavar="SECONDS", min=0.1, help="Give up a network that does not return."
    ),
]
OutputFile = Annotated[
    Path | None,
    typer.Option(
        "--output-file", "-o", metavar="FILE", help="Write the report here.", show_default=False
    ),
]
NoCache = Annotated[
    bool,
    typer.Option(
        "--no-cache",
        envvar="ARCHCHECK_NO_CACHE",
        help="Trace anew, and keep nothing.",
    ),
]
CacheDir = Annotated[
    Path | None,
    typer.Option(
        "--cache-dir",
        metavar="DIR",
        envvar="ARCHCHECK_CACHE_DIR",
        help="Where traced networks are kept; by default .archcheck_cache beside the nearest "
        "pyproject.toml, else in the working directory.",
        show_default=False,
    ),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Say what the cache did, on standard error.")
]


def _version(wanted: bool) -> None:
    if wanted:
        import archcheck

        typer.echo(f"archcheck {archcheck.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    del version


def _failed(report: Report, output_format: TableFormat, file: Path | None) -> NoReturn:
    """A network that could not be run is reported as ``verify`` does."""
    from archcheck.cli.output import write_report

    write_report(report, "full" if output_format is TableFormat.text else "json", file)
    raise typer.Exit(FAILED)


@app.command()
@guarded
def verify(
    net: Net,
    spec: Annotated[
        Path, typer.Option("--spec", "-s", metavar="SPEC", help="The spec (YAML or JSON).")
    ],
    input_shape: InputShape = None,
    arguments: Arguments = None,
    train: Train = False,
    timeout: Timeout = 60.0,
    skip: Annotated[
        list[str] | None,
        typer.Option("--skip", metavar="RULE", help="Leave a rule out.", show_default=False),
    ] = None,
    output_format: Annotated[
        VerifyFormat, typer.Option("--output-format", help="full, concise or json.")
    ] = VerifyFormat.full,
    output_file: OutputFile = None,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Exit with 0 even where rules fail.")
    ] = False,
    no_cache: NoCache = False,
    cache_dir: CacheDir = None,
    verbose: Verbose = False,
) -> None:
    """Check a network against a spec. Exit code 0: every rule holds; 1: some do not."""
    started = time.perf_counter()
    from archcheck.cli.tracing import tracing
    from archcheck.tracing.reference import parse_reference

    reference = parse_reference(net)
    # Unless the network is in the cache, a child imports torch while this process reads the spec.
    with tracing(reference, no_cache, cache_dir, verbose) as child:
        from archcheck.api import report_on, shapes_for
        from archcheck.cli.options import read_arguments, read_shapes, without
        from archcheck.cli.output import write_report
        from archcheck.spec import load_spec

        wanted = without(load_spec(spec), skip or [])
        shapes = shapes_for(wanted, read_shapes(input_shape))
        given = {**wanted.arguments, **read_arguments(arguments)}
        found = child.trace(shapes, given, training=train, timeout=timeout)
    report = report_on(found, wanted, reference, started)
    write_report(report, output_format.value, output_file)
    if not report.passed and not exit_zero:
        raise typer.Exit(FAILED)


@app.command()
@guarded
def inspect(
    net: Net,
    input_shape: InputShape = None,
    arguments: Arguments = None,
    train: Train = False,
    timeout: Timeout = 60.0,
    output_format: Annotated[
        TableFormat, typer.Option("--output-format", help="text or json.")
    ] = TableFormat.text,
    output_file: OutputFile = None,
    no_cache: NoCache = False,
    cache_dir: CacheDir = None,
    verbose: Verbose = False,
) -> None:
    """Print the layers: shapes, parameters, MACs, receptive field, jump and source line."""
    started = time.perf_counter()
    from archcheck.cli.tracing import tracing
    from archcheck.tracing.reference import parse_reference

    reference = parse_reference(net)
    with tracing(reference, no_cache, cache_dir, verbose) as child:
        from archcheck.api import report_on
        from archcheck.cli.options import read_arguments, read_shapes
        from archcheck.cli.output import write_inspection
        from archcheck.network import Network
        from archcheck.spec import Spec

        shapes = read_shapes(input_shape)
        if shapes is None:
            raise UsageError("say the input's shape without the batch: --input 3,32,32")
        given = read_arguments(arguments)
        found = child.trace(shapes, given, training=train, timeout=timeout)
    if not isinstance(found, Network):
        spec = Spec((), tuple(shapes))
        _failed(report_on(found, spec, reference, started), output_format, output_file)
    write_inspection(found, output_format.value, output_file)


@app.command()
@guarded
def rf(
    net: Net,
    input_shape: InputShape = None,
    at: Annotated[
        str,
        typer.Option(
            "--at", metavar="POINT", help="Where: features, output or the path of a module."
        ),
    ] = "features",
    unit: Annotated[
        str | None,
        typer.Option(
            "--unit",
            metavar="INDEX",
            help="Which unit of the map there, like 3,4; the one in the middle by default.",
            show_default=False,
        ),
    ] = None,
    arguments: Arguments = None,
    train: Train = False,
    timeout: Timeout = 60.0,
    output_format: Annotated[
        TableFormat, typer.Option("--output-format", help="text or json.")
    ] = TableFormat.text,
    output_file: OutputFile = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            metavar="FILE",
            help="Draw the unit's field and its growth over the layers (.svg or .png).",
            show_default=False,
        ),
    ] = None,
    effective: Annotated[
        bool,
        typer.Option(
            "--effective", help="Measure the effective receptive field by gradients as well."
        ),
    ] = False,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            metavar="FILE",
            help="The checkpoint that gradients are taken with; random initial weights without.",
            show_default=False,
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", min=1, help="How many random inputs gradients average.")
    ] = 16,
) -> None:
    """Print the receptive field at a point, the exact set of one unit, and what makes it up."""
    started = time.perf_counter()
    from archcheck.tracing.process import TracingProcess
    from archcheck.tracing.reference import parse_reference

    reference = parse_reference(net)
    with TracingProcess() as child:
        from archcheck.api import report_on
        from archcheck.cli.fields import field_at, measure, probe_of
        from archcheck.cli.options import read_arguments, read_plot, read_shapes, read_unit
        from archcheck.cli.output import write_field, write_plot
        from archcheck.fields.summary import Summary
        from archcheck.network import Network
        from archcheck.spec import Spec
        from archcheck.tracing.failures import Failure

        shapes = read_shapes(input_shape)
        if shapes is None:
            raise UsageError("say the input's shape without the batch: --input 3,32,32")
        spec = Spec((), tuple(shapes))
        index = read_unit(unit)
        picture_format = read_plot(plot)
        if weights is not None and not effective:
            raise UsageError("--weights says whose gradients are taken: add --effective")
        if train and effective:
            raise UsageError("gradients are taken in eval mode: leave out --train or --effective")
        given = read_arguments(arguments)
        found = child.trace(reference, shapes, given, training=train, timeout=timeout)
    if not isinstance(found, Network):
        _failed(report_on(found, spec, reference, started), output_format, output_file)
    summary = field_at(found, at, index)
    if effective and isinstance(summary, Summary):
        with TracingProcess() as child:
            probe = probe_of(summary, samples, weights)
            measured = measure(child, summary, reference, shapes, given, probe, weights, timeout)
        if isinstance(measured, Failure):
            _failed(report_on(measured, spec, reference, started), output_format, output_file)
        summary = measured
    if picture_format and plot is not None and not isinstance(summary, Exception):
        write_plot(summary, picture_format, plot)
    write_field(found, summary, at, output_format.value, output_file)
    if isinstance(summary, Exception):
        raise typer.Exit(FAILED)


@app.command()
@guarded
def rules(
    output_format: Annotated[
        TableFormat, typer.Option("--output-format", help="text or json.")
    ] = TableFormat.text,
) -> None:
    """List the rules that a spec can use."""
    from archcheck.cli.output import write_rules

    write_rules(output_format.value)


@app.command()
@guarded
def rule(name: Annotated[str, typer.Argument(help="The rule's name.")]) -> None:
    """Explain one rule."""
    from archcheck.cli.output import write_rule

    write_rule(name)


@app.command()
@guarded
def clean(cache_dir: CacheDir = None) -> None:
    """Remove the cache of traced networks, and nothing else."""
    from archcheck.cli.tracing import remove_cache

    typer.echo(remove_cache(cache_dir))


@app.command()
@guarded
def schema() -> None:
    """Print the JSON Schema of a spec."""
    from archcheck.cli.output import write_schema

    write_schema()
