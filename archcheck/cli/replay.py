"""Repeating the output of a command, as long as nothing that it depends on has changed.

That is: its command line, the programs, the terminal, and whatever it read. The command line is
not parsed here: equal ones mean the same. Only runs that do nothing but read and print are kept,
and none that start another process, other than to trace networks: measurements are made anew.
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
from archcheck.cache.signing_key import BadKey
from archcheck.cache.watch import watch
from archcheck.cli.affected import Affected, Files, Sources, affected
from archcheck.cli.streams import print_message, print_text
from archcheck.config.errors import ConfigError

if TYPE_CHECKING:
    from archcheck.cache.store import Store

COMMANDS = ("verify", "inspect", "rf", "check")
"""The commands whose output may be repeated."""
NETWORKS = "networks"

Subject = tuple[int, ...] | None
"""The numbers of the project's networks that were verified; None: those that the words name."""


class Replay:
    """The run of this process: repeated from the cache, or recorded so that the next one can be."""

    def __init__(self) -> None:
        self._key = ""
        self._files: list[str] | None = None
        self._remark = ""

    def repeat(self, words: Sequence[str]) -> int | None:
        """Print what the same run printed before; if that is not known, begin to record this one.

        Returns:
            The exit code; None if the command has to be run.
        """
        if not words or words[0] not in COMMANDS or "--no-cache" in words:
            return None
        command, self._files = separated(words)
        try:
            self._key = key_of(programs(), ascii(command), _terminal())
            cache = open_files(_cache_dir(words))
        except (OSError, ValueError, BadFolder, BadKey, ConfigError):  # the command will report it
            cache = None
        printed = self._recall(cache) if cache is not None else None
        if printed is None:
            watch.begin()
            return None
        print_message(self._remark)
        print_text(printed.text)
        return printed.code

    def _recall(self, cache: SealedFiles) -> Printed | None:
        subject: Subject = None
        if self._files:
            networks = recall(cache, run_name(self._key, NETWORKS), MappedNetworks)
            if networks is None:
                return None
            files = Files(self._files)
            subject = _affected_networks(networks, files)
            if files.missing():
                return None
            self._remark = files.remark()
        return recall(cache, run_name(self._key, subject), Printed)

    def names_files_apart(self, files: list[str]) -> bool:
        """Whether the files of a command were separated from its other words, which then mean the
        same for any files."""
        if self._files is not None and self._files != files:
            self._key = ""  # they were separated wrongly: nothing is kept
        return self._files is not None

    def keep(
        self, store: Store | None, text: str | None, code: int, subject: Subject = None
    ) -> None:
        """Keep what was printed; a ``text`` of None cannot be repeated."""
        reads = watch.end(store.files.folder) if store is not None and self._key else None
        if store is not None and reads is not None and text is not None:
            keep(store.files, Printed(run_name(self._key, subject), reads, text, code))

    def keep_networks(
        self, store: Store | None, settings: Path, sources: Sequence[Sources]
    ) -> None:
        """Keep what the networks of a project are made of, if that is known for all of them."""
        reads = watch.end(store.files.folder) if store is not None and self._key else None
        network_reads = tuple(source.reads for source in sources if source.reads is not None)
        if store is None or reads is None or len(network_reads) < len(sources):
            return
        files = tuple(source.files for source in sources)
        name = run_name(self._key, NETWORKS)
        keep(store.files, MappedNetworks(name, (reads[0], *network_reads), str(settings), files))


this_run = Replay()
"""The run of this process."""


def separated(words: Sequence[str]) -> tuple[list[str], list[str] | None]:
    """The words of a command, and the files after them where these cannot be anything else.

    Files are all words after ``--``, unless that is an option's value, and all words if none of
    them is an option.
    """
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


def _affected_networks(networks: MappedNetworks, files: Files) -> Subject:
    """The numbers of the networks that some files affect; None for all."""
    made_of = map(Sources, networks.files, networks.reads[1:])
    answers = [affected(files, sources) for sources in made_of]
    if files.hold([networks.settings]):
        return None
    return tuple(number for number, answer in enumerate(answers) if answer is not Affected.no)


def _cache_dir(words: Sequence[str]) -> Path | None:
    """The folder that the command uses as its cache. A wrong guess only finds nothing.

    Raises:
        ConfigError: if the project's settings are wrong.
    """
    for number, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option == "--cache-dir" and (equals or words[number + 1 :]):
            return Path(value if equals else words[number + 1])
    folder = os.environ.get("ARCHCHECK_CACHE_DIR")
    if folder:
        return Path(folder)
    from archcheck.config.toml import find_table

    table = find_table()
    if table is None:
        return None
    folder = table.data.get("cache-dir")  # whether all settings are right, the command says
    return table.file.parent / folder if folder and isinstance(folder, str) else None


def _terminal() -> tuple[object, ...]:
    """What the look of text depends on: its encoding, and the sizes of the terminals."""
    return (sys.stdout.encoding, *(_size(descriptor) for descriptor in range(3)))


def _size(descriptor: int) -> tuple[int, ...] | None:
    """The columns and rows of a terminal, None if the stream is not one."""
    try:
        return tuple(os.get_terminal_size(descriptor)) if os.isatty(descriptor) else None
    except OSError:
        return ()
