"""The arguments and options that commands share."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from archcheck.cli.completions import rule_names, spec_names, words_of
from archcheck.reporters.formats import ReportFormat

F = TypeVar("F", bound=StrEnum)
N = TypeVar("N", int, float)


def one_of(kind: type[F]) -> Callable[[str], F]:
    """What reads a word of an option that has to be one of some."""

    def read(word: str) -> F:
        words = [each.value for each in kind]
        if word in words:
            return kind(word)
        from archcheck.errors import closest

        hint = closest(word.lower().replace("_", "-"), words, quoted=False)
        raise typer.BadParameter(f"there is no {word}{hint or '; there are ' + ', '.join(words)}")

    return read


def at_least(least: N, kind: Callable[[str], N]) -> Callable[[str], N]:
    """What reads a number of an option that must not be below another one."""

    def read(word: str) -> N:
        try:
            number = kind(str(word))
        except ValueError:
            what = "a whole number" if isinstance(least, int) else "a number"
            raise typer.BadParameter(f"{word} is not {what}") from None
        if not number >= least:
            raise typer.BadParameter(f"{word} is not enough; the least is {least}")
        return number

    return read


class TableFormat(StrEnum):
    """How tables are printed."""

    text = "text"
    json = "json"


TableFormatOption = Annotated[
    TableFormat,
    typer.Option(
        "--output-format",
        metavar="FORMAT",
        parser=one_of(TableFormat),
        autocompletion=words_of(TableFormat),
        help="text or json.",
    ),
]
Net = Annotated[
    str,
    typer.Argument(
        metavar="NET",
        help="The network: FILE, FILE:Name or package.module:Name, where Name is a class, "
        "a function that returns a network, or an instance; or a FOLDER with one network.",
        show_default=False,
    ),
]
Nets = Annotated[
    list[str],
    typer.Argument(
        metavar="NET...",
        help="The networks: FILE, FILE:Name or package.module:Name, where Name is a class, a "
        "function that returns a network, or an instance; or folders, each with one network.",
        show_default=False,
    ),
]
SpecOption = Annotated[
    str,
    typer.Option(
        "--spec",
        "-s",
        metavar="SPEC",
        help="The spec: the path of a file (./name, name.yaml or name.json) or the name of a "
        "shipped one.",
        autocompletion=spec_names,
    ),
]
InputOption = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="[NAME=]SHAPE",
        help="An input: its shape without the batch, like 3,32,32, and what else is to be said, "
        "like input_ids=128:int64:below=30522. Several for a network of several inputs.",
        show_default=False,
    ),
]
Arguments = Annotated[
    list[str] | None,
    typer.Option(
        "--arg",
        metavar="NAME=VALUE",
        help="An argument for the constructor; the value is read as YAML. Classes and functions "
        "are given by name.",
        show_default=False,
    ),
]
Train = Annotated[bool, typer.Option("--train", help="Trace in training mode.")]


class How(StrEnum):
    """How a file is loaded."""

    plain = "plain"
    stand_ins = "stand-ins"
    definitions = "definitions"


Load = Annotated[
    How | None,
    typer.Option(
        "--load",
        metavar="HOW",
        parser=one_of(How),
        help="How the file is loaded: plain, with stand-ins for modules that are missing, or from "
        "its definitions alone. By default the first that does, which the report says.",
        show_default=False,
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        parser=at_least(0.1, float),
        help="Give up a network that does not return.",
    ),
]
Jobs = Annotated[
    int,
    typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        parser=at_least(1, int),
        help="Verify so many networks at once; each may take as much memory as one alone.",
    ),
]
Memory = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="SIZE",
        help="The memory that a network may take beyond Python and torch, like 2GB (Linux).",
        show_default=False,
    ),
]
CleanEnv = Annotated[
    bool,
    typer.Option(
        "--clean-env",
        help="Hide the environment's variables from the network, and trace it anew.",
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        metavar="FILE",
        help="The checkpoint that the rule accuracy measures with: safetensors, or a state dict "
        "that torch saved.",
        show_default=False,
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        envvar="ARCHCHECK_DATA",
        help="The folder of the data set that the rule accuracy measures on.",
        show_default=False,
    ),
]
OutputFile = Annotated[
    Path | None,
    typer.Option(
        "--output-file", "-o", metavar="FILE", help="Write the report here.", show_default=False
    ),
]
Augmentation = Annotated[
    str | None,
    typer.Option(
        "--augmentation",
        metavar="FILE[:NAME]",
        help="The training script with the albumentations pipeline, and the pipeline's name; by "
        "default the network's own file.",
        show_default=False,
    ),
]
OutputFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--output-file",
        "-o",
        metavar="FILE",
        help="Write the report here. The first -o is that of the first --output-format, and "
        "so on; - is standard output.",
        show_default=False,
    ),
]
_OTHERS = [each.value for each in ReportFormat if each is not ReportFormat.full]
ReportFormats = Annotated[
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
]
Skip = Annotated[
    list[str] | None,
    typer.Option(
        "--skip",
        metavar="RULE",
        help="Leave a rule out.",
        show_default=False,
        autocompletion=rule_names,
    ),
]
ExitZero = Annotated[bool, typer.Option("--exit-zero", help="Exit with 0 even where rules fail.")]
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
