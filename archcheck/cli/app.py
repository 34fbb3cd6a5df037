"""The commands and their options."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import structs

from archcheck.cli.check import check
from archcheck.cli.completions import rule_names, spec_names, words_of
from archcheck.cli.errors import FAILED, with_exit_codes
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
    Skip,
    TableFormat,
    TableFormatOption,
    Timeout,
    Train,
    Verbose,
    Weights,
    one_of,
)
from archcheck.cli.rf import not_run, rf
from archcheck.cli.spec_commands import spec_app
from archcheck.cli.streams import print_text
from archcheck.plain_text import in_one_line
from archcheck.reporters.formats import ReportFormat

if TYPE_CHECKING:
    from archcheck.verification.submission import Submission
    from archcheck.worker.reference import Load as HowLoaded
    from archcheck.worker.reference import Reference

_OTHERS = [each.value for each in ReportFormat if each is not ReportFormat.full]

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
    spec: Annotated[
        str,
        typer.Option(
            "--spec",
            "-s",
            metavar="SPEC",
            help="The spec: the path of a file (./name, name.yaml or name.json) or the name of a "
            "shipped one.",
            autocompletion=spec_names,
        ),
    ],
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
    output_format: Annotated[
        list[ReportFormat] | None,
        typer.Option(
            "--output-format",
            metavar="FORMAT",
            parser=one_of(ReportFormat),
            autocompletion=words_of(ReportFormat),
            help=f"full (by itself), {', '.join(_OTHERS[:-1])} or {_OTHERS[-1]}. Several at once, "
            "each with its -o.",
            show_default=False,
        ),
    ] = None,
    output_file: OutputFiles = None,
    exit_zero: ExitZero = False,
    no_cache: NoCache = False,
    cache_dir: CacheDir = None,
    verbose: Verbose = False,
) -> None:
    """Check networks against a spec. Exit code 0: every rule holds; 1: some do not.

    Inside GitHub Actions annotations and a job summary are written by themselves.
    """
    started = time.perf_counter()
    from archcheck.cli.cached_trace import open_cache, tracing
    from archcheck.cli.options import surroundings_of
    from archcheck.cli.replay import this_run
    from archcheck.verification.folders import folder_reference
    from archcheck.worker.reference import parse_reference

    how: HowLoaded = load.value if load else ""

    def submitted(reference: Reference) -> Submission:
        from archcheck.augmentation import parse_script
        from archcheck.cli.inputs import read_inputs
        from archcheck.cli.options import read_arguments
        from archcheck.verification.submission import Submission

        return Submission(
            reference=structs.replace(reference, load=how),
            arguments=read_arguments(arguments),
            inputs=read_inputs(inputs),
            training=train,
            augmentation=parse_script(augmentation) if augmentation is not None else None,
            weights=weights,
            data=data,
        )

    formats = [chosen.value for chosen in output_format or ()]
    try:
        surroundings = surroundings_of(memory, clean_env)
        if len(nets) > 1 or folder_reference(nets[0]) is not None:
            from archcheck.cli.outputs import destinations
            from archcheck.cli.verify_many import Options, verify_many

            places = destinations(formats, output_file)
            store = open_cache(no_cache or clean_env, cache_dir)
            options = Options(
                spec, skip or (), places, jobs, timeout, surroundings, store, exit_zero, verbose
            )
            raise typer.Exit(verify_many(nets, submitted, options))
        reference = parse_reference(nets[0], how)
        store = open_cache(no_cache or clean_env, cache_dir)
        # Unless the network is in the cache, a child imports torch while this process reads the
        # spec.
        with tracing(reference, store, verbose, surroundings) as child:
            from archcheck.cli.options import without
            from archcheck.cli.output import refuse_overwrite
            from archcheck.cli.outputs import deliver, destinations, repeatable
            from archcheck.cli.progress import progress_bar
            from archcheck.spec import load_spec
            from archcheck.verification.verify import verify as verify_submission

            places = destinations(formats, output_file)
            loaded_spec = without(load_spec(spec), skip or [])
            submission = submitted(reference)
            script = submission.augmentation
            read = (reference.file, loaded_spec.file, weights, script.file if script else None)
            refuse_overwrite([place.file for place in places], read)
            with progress_bar("images") as on_progress:
                report = verify_submission(
                    submission,
                    loaded_spec,
                    child,
                    timeout=timeout,
                    started=started,
                    on_progress=on_progress,
                )
        deliver([report], places)
    except typer.Exit:
        raise
    except Exception as error:
        from archcheck.cli.outputs import leave_unrun

        leave_unrun(error, nets[0], formats, output_file)
        raise
    code = 0 if report.passed or exit_zero else FAILED
    this_run.keep(None if verbose else store, repeatable([report], places), code)
    raise typer.Exit(code)


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
app.command()(rf)


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
