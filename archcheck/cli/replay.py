"""Repeating what a command printed, as long as nothing has changed that it depends on.

That is: its words, the programs, the terminal, and whatever it read. The words are not understood
here: the same ones mean the same. Only runs that do nothing but read and print are kept, and none
that have another process work for them, other than to trace networks: what is measured so is
measured anew.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archcheck.cache.folder import BadFolder
from archcheck.cache.programs import key_of, programs
from archcheck.cache.runs import MappedNetworks, Printed, keep, recall, run_name
from archcheck.cache.sealed import SealedFiles, open_files
from archcheck.cache.watch import watch
from archcheck.cli.affected import Concern, Files, Sources, concern
from archcheck.cli.streams import print_text
from archcheck.config.errors import ConfigError

if TYPE_CHECKING:
    from archcheck.cache.store import Store

COMMANDS = ("verify", "inspect", "rf", "check")
"""Those whose output may be repeated."""
NETWORKS = "networks"

Subject = tuple[int, ...] | None
"""Which of the project's networks were judged, by their numbers; None: whichever the words name."""


class Replay:
    """The run of this process: known from before, or watched so that the next one is."""

    def __init__(self) -> None:
        self._key = ""
        self._files: list[str] | None = None

    def repeat(self, words: Sequence[str]) -> int | None:
        """Print what the same run printed before; if that is not known, begin to watch this one.

        Returns:
            The exit code; None if the command has to be run.
        """
        if not words or words[0] not in COMMANDS or "--no-cache" in words:
            return None
        asked, self._files = separated(words)
        try:
            self._key = key_of(programs(), ascii(asked), _terminal())
            cache = open_files(_cache_dir(words))
        except (OSError, ValueError, BadFolder, ConfigError):  # the command says what is wrong
            cache = None
        printed = self._recall(cache) if cache is not None else None
        if printed is None:
            watch.begin()
            return None
        print_text(printed.text)
        return printed.code

    def _recall(self, cache: SealedFiles) -> Printed | None:
        subject: Subject = None
        if self._files:
            networks = recall(cache, run_name(self._key, NETWORKS), MappedNetworks)
            if networks is None:
                return None
            subject = _concerned(networks, Files(self._files))
        return recall(cache, run_name(self._key, subject), Printed)

    def names_files_apart(self, files: list[str]) -> bool:
        """Whether the files that a command was given stand apart from its other words, so that
        these mean the same whatever files there are."""
        if self._files is not None and self._files != files:
            self._key = ""  # they were not told apart well: nothing is kept
        return self._files is not None

    def keep(
        self, store: Store | None, text: str | None, code: int, subject: Subject = None
    ) -> None:
        """Keep what was printed; None is what cannot be repeated."""
        reads = watch.end(store.files.folder) if store is not None and self._key else None
        if store is not None and reads is not None and text is not None:
            keep(store.files, Printed(run_name(self._key, subject), reads, text, code))

    def keep_networks(
        self, store: Store | None, settings: Path, sources: Sequence[Sources]
    ) -> None:
        """Keep what the networks of a project are made of, if that is known of all."""
        reads = watch.end(store.files.folder) if store is not None and self._key else None
        theirs = tuple(source.reads for source in sources if source.reads is not None)
        if store is None or reads is None or len(theirs) < len(sources):
            return
        files = tuple(source.files for source in sources)
        name = run_name(self._key, NETWORKS)
        keep(store.files, MappedNetworks(name, (reads[0], *theirs), str(settings), files))


this_run = Replay()
"""That of this process."""


def separated(words: Sequence[str]) -> tuple[list[str], list[str] | None]:
    """The words of a command, and the files behind them where these are surely nothing else: all
    words behind ``--``, if that is not an option's value, and all words if none is an option."""
    if words[0] != "check":
        return list(words), None
    if "--" in words:
        end = words.index("--")
        before = words[end - 1]
        if not before.startswith("-") or (before.startswith("--") and "=" in before):
            return list(words[:end]), list(words[end + 1 :])
    elif not any(word.startswith("-") for word in words):
        return list(words[:1]), list(words[1:])
    return list(words), None


def _concerned(networks: MappedNetworks, files: Files) -> Subject:
    """The networks that some files have to do with."""
    if files.hold([networks.settings]):
        return None
    made_of = map(Sources, networks.files, networks.reads[1:])
    concerns = [concern(files, sources) for sources in made_of]
    return tuple(number for number, what in enumerate(concerns) if what is not Concern.none)


def _cache_dir(words: Sequence[str]) -> Path | None:
    """Where the command will have its cache. Where that is guessed wrong nothing is found.

    Raises:
        ConfigError: if the project's settings are wrong.
    """
    for number, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option == "--cache-dir" and (equals or words[number + 1 :]):
            return Path(value if equals else words[number + 1])
    given = os.environ.get("ARCHCHECK_CACHE_DIR")
    if given:
        return Path(given)
    from archcheck.config.model import configured_cache_dir

    return configured_cache_dir()


def _terminal() -> tuple[object, ...]:
    """What text looks like here: where the streams lead, how wide that is, and in which letters."""
    return (sys.stdout.encoding, *(_size(descriptor) for descriptor in range(3)))


def _size(descriptor: int) -> tuple[int, ...] | None:
    """The columns and rows of a terminal, None if it is none."""
    try:
        return tuple(os.get_terminal_size(descriptor)) if os.isatty(descriptor) else None
    except OSError:
        return ()
