"""The file that a spec is named by: a path, or the name of one that comes with archcheck."""

from __future__ import annotations

from pathlib import Path

from archcheck.errors import closest

_PACKAGE = Path(__file__).resolve().parent
_SCHEMA = "archcheck.schema.json"
_ENDINGS = (".yaml", ".yml", ".json")


def is_path(spec: str) -> bool:
    """Whether a text is the path of a spec's file: it has a slash, or the ending ``.yaml``,
    ``.yml`` or ``.json``. Any other is the name of a shipped spec, whatever files there are."""
    return "/" in spec or "\\" in spec or spec.lower().endswith(_ENDINGS)


def shipped_specs() -> dict[str, Path]:
    """The files of the shipped specs by their names, such as ``assignment7``.

    A wheel holds them inside the package. An editable install finds them where they are written:
    beside it, at the top of the repository.
    """
    for folder in (_PACKAGE / "specs", _PACKAGE.parent / "specs"):
        if (folder / _SCHEMA).is_file():
            return dict(sorted((file.stem, file) for file in folder.glob("*.yaml")))
    return {}


def shipped_name(file: str) -> str:
    """The name of the shipped spec in a file; empty for any other."""
    if not file:
        return ""
    place = Path(file).resolve()
    return next((name for name, spec in shipped_specs().items() if spec == place), "")


class UnknownName(LookupError):
    """No shipped spec has this name."""


def spec_file(name: str | Path, folder: Path = Path()) -> Path:
    """The file of a spec: a path relative to a folder, or the name of a shipped spec.

    Only a text can be a name; a ``Path`` is a path.

    Raises:
        UnknownName: if no shipped spec has the name.
    """
    if isinstance(name, Path) or is_path(name):
        return folder / name
    shipped = shipped_specs()
    if name not in shipped and (folder / name).is_dir():
        raise UnknownName(f"{name} is a folder; a spec is a file, or the name of a shipped one")
    if name not in shipped:
        hint = closest(name.replace("_", "-"), shipped) or f"; there are {', '.join(shipped)}"
        raise UnknownName(
            f'no shipped spec is named "{name}"{hint} '
            f"(a file is given by its path: ./{name}, or with its ending .yaml, .yml or .json)"
        )
    return shipped[name]
