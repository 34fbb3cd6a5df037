"""The commands and their options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import structs

from archcheck.cli.check import check
from archcheck.cli.completions import rule_names
from archcheck.cli.errors import with_exit_codes
from archcheck.cli.lint import lint
from archcheck.cli.parameters import (
    Arguments,
    Augmentation,
    CacheDir,
    CleanEnv,
    Data,
    ExitZero,
    InputOption,
    Jobs,
    Load,
    Memory,
    Net,
    Nets,
    NoCache,
    OutputFile,
    OutputFiles,
    ReportFormats,
    Skip,
    SpecOption,
    TableFormat,
    TableFormatOption,
    Timeout,
    Train,
    Verbose,
    Weights,
)
from archcheck.cli.rf import not_run, rf
from archcheck.cli.spec_commands import spec_app
from archcheck.cli.streams import print_text
from archcheck.cli.suggest import suggest
from archcheck.plain_text import in_one_line

if TYPE_CHECKING:
    from archcheck.spec import Spec
    from archcheck.verification.submission import Submission
    from archcheck.worker.reference import Reference

app = typer.Typer(
    name="archcheck",
    help="Tell whether a PyTorch network is built the way it has to be.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(requested: bool) -> None:
    if requested:
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


@app.command()
@with_exit_codes
def verify(
    nets: Nets,
    spec: SpecOption,
    inputs: InputOption = None,
    arguments: Arguments = None,
    augmentation: Augmentation = None,
    load: Load = None,
    train: Train = False,
    timeout: Timeout = 60.0,
    jobs: Jobs = 1,
    memory: Memory = None,
    clean_env: CleanEnv = False,
    weights: Weights = None,
    data: Data = None,
    skip: Skip = None,
    output_format: ReportFormats = None,
    output_file: OutputFiles = None,
    exit_zero: ExitZero = False,
    no_cache: NoCache = False,
    cache_dir: CacheDir = None,
    verbose: Verbose = False,
) -> None:
    """Check networks against a spec. Exit code 0: every rule holds; 1: some do not.

    Inside GitHub Actions annotations and a job summary are written by themselves.
    """
    from archcheck.cli.verifying import Asked, verify_networks

    def spec_asked() -> Spec:
        from archcheck.cli.options import without
        from archcheck.spec import load_spec

        return without(load_spec(spec), skip or [])

    def submitted(reference: Reference) -> Submission:
        from archcheck.augmentation import parse_script
        from archcheck.cli.inputs import read_inputs
        from archcheck.cli.options import read_arguments
        from archcheck.verification.submission import Submission

        return Submission(
            reference=structs.replace(reference, load=load.value if load else ""),
            arguments=read_arguments(arguments),
            inputs=read_inputs(inputs),
            training=train,
            augmentation=parse_script(augmentation) if augmentation is not None else None,
            weights=weights,
            data=data,
        )

    asked = Asked(
        nets, spec_asked, submitted, load.value if load else "", timeout, jobs, memory, clean_env
    )
    formats = [chosen.value for chosen in output_format or ()]
    verify_networks(asked, formats, output_file, exit_zero, no_cache, cache_dir, verbose)


@app.command()
@with_exit_codes
def inspect(
    net: Net,
    inputs: InputOption = None,
    arguments: Arguments = None,
    load: Load = None,
    train: Train = False,
    timeout: Timeout = 60.0,
    output_format: TableFormatOption = TableFormat.text,
    output_file: OutputFile = None,
    no_cache: NoCache = False,
    cache_dir: CacheDir = None,
    verbose: Verbose = False,
) -> None:
    """Print the layers: shapes, parameters, MACs, receptive field, jump and source line."""
    from archcheck.cli.cached_trace import named_network, open_cache, trace_alone
    from archcheck.cli.replay import this_run

    store = open_cache(no_cache, cache_dir)
    reference = named_network(
        net, inputs, arguments, load=load, train=train, timeout=timeout, store=store
    )
    traced = trace_alone(
        reference,
        inputs,
        arguments,
        train=train,
        timeout=timeout,
        store=store,
        verbose=verbose,
    )
    from archcheck.cli.output import refuse_overwrite, write_inspection
    from archcheck.network import Network

    refuse_overwrite([output_file], [reference.file])
    if not isinstance(traced, Network):
        not_run(traced, output_format, output_file)
    text = write_inspection(traced, output_format.value, output_file)
    this_run.keep(None if verbose else store, text, 0)


app.command()(check)
app.command()(lint)
app.command()(rf)
app.command()(suggest)


@app.command()
@with_exit_codes
def rules(
    output_format: TableFormatOption = TableFormat.text,
) -> None:
    """List the rules that a spec can use."""
    from archcheck.cli.output import print_rules

    print_rules(output_format.value)


@app.command()
@with_exit_codes
def rule(
    name: Annotated[str, typer.Argument(help="The rule's name.", autocompletion=rule_names)],
) -> None:
    """Explain one rule."""
    from archcheck.cli.output import print_rule

    print_rule(name)


@app.command()
@with_exit_codes
def clean(cache_dir: CacheDir = None) -> None:
    """Remove the cache of traced networks, and nothing else."""
    from archcheck.cli.cached_trace import remove_cache

    print_text(f"{in_one_line(remove_cache(cache_dir))}\n")


@app.command()
@with_exit_codes
def schema() -> None:
    """Print the JSON Schema of a spec."""
    from archcheck.cli.output import print_schema

    print_schema()


app.add_typer(spec_app, name="spec")
