"""``[tool.archcheck]``: what it says, and one clear message for each way to get it wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from archcheck.config.errors import ConfigError
from archcheck.config.model import Config, find_config, read_config
from archcheck.network.inputs import of_shapes
from archcheck.verification.mapping import mapped_networks
from archcheck.worker.reference import Reference
from tests.support.imports import imported

HEAD = '[project]\nname = "edge"  # nothing of archcheck\n\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two networks, a package and two specs."""
    for name in (
        *("models/__init__.py", "models/one.py", "models/two.py", "models/deep/er/three.py"),
        *("models/notes.txt", "models/.hidden.py", "models/net[1].py"),
        *("specs/edge.yaml", "specs/small.json", "plain"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config(text: str) -> Config:
    Path("pyproject.toml").write_text(HEAD + text)
    found = find_config()
    assert found is not None
    return found


def mapped(networks: str) -> list[tuple[str, str]]:
    """File and spec of each network, relative to the project."""
    return [
        (network.file.relative_to(Path.cwd()).as_posix(), Path(network.spec).name)
        for network in mapped_networks(config(f"[tool.archcheck.networks]\n{networks}"))
    ]


# -- what it says ---------------------------------------------------------------------------


def test_everything_at_once(folder: Path) -> None:
    text = """\
[tool.archcheck]
exclude = ["models/two.py"]
skip = ["accuracy"]
timeout = 30
memory = "2GB"
clean-env = true
cache-dir = "build/cache"
output-format = "concise"

[tool.archcheck.networks]
"models/one.py" = [
    "specs/edge.yaml",
    {spec = "assignment7", name = "big.Net", arguments = {width = 64}, input = [3, 32, 32]},
    {spec = "specs/small.json", input = [[3, 8, 8], [4]], train = true},
]
"""
    found = config(text)
    assert (found.file, found.exclude, found.skip) == (
        *(folder / "pyproject.toml", ("models/two.py",), ("accuracy",)),
    )
    assert (found.timeout, found.output_format) == (30, "concise")
    assert (found.memory, found.clean_env) == ("2GB", True)
    assert found.cache_dir == folder / "build" / "cache"
    first, second, third = mapped_networks(found)
    assert {network.file for network in (first, second, third)} == {folder / "models" / "one.py"}
    assert (first.spec, Path(second.spec).name) == (
        *(str(folder / "specs/edge.yaml"), "assignment7.yaml"),
    )
    one, two, three = (network.submission for network in (first, second, third))
    assert (one.reference.name, one.inputs) == ("", None)
    assert (two.reference.name, two.arguments, two.inputs) == (
        *("big.Net", {"width": 64}, of_shapes([(3, 32, 32)])),
    )
    assert (three.inputs, three.training) == (of_shapes([(3, 8, 8), (4,)]), True)
    assert [str(network) for network in (first, second)] == [
        *("models/one.py", "models/one.py:big.Net"),
    ]


@pytest.mark.parametrize(
    ("pattern", "files"),
    [
        ("models/one.py", ["one.py"]),
        ("models/*.py", ["net[1].py", "one.py", "two.py"]),
        ("models/**", ["deep/er/three.py", "net[1].py", "one.py", "two.py"]),
        ("**/*.py", ["deep/er/three.py", "net[1].py", "one.py", "two.py"]),
        ("models/[ot]*.py", ["one.py", "two.py"]),
        ("models/net[1].py", ["net[1].py"]),
        ("./models/../models/one.py", ["one.py"]),
        ("models/__init__.py", ["__init__.py"]),
    ],
)
def test_patterns(folder: Path, pattern: str, files: list[str]) -> None:
    found = mapped(f'"{pattern}" = "specs/edge.yaml"')
    assert found == [(f"models/{name}", "edge.yaml") for name in files]


def test_every_pattern_that_matches_applies(folder: Path) -> None:
    lines = '"models/o*.py" = "specs/edge.yaml"\n"models/one.py" = ["specs/small.json", '
    lines += '"specs/edge.yaml"]\n"models/two.py" = "./plain"\n'
    assert mapped(lines) == [
        ("models/one.py", "edge.yaml"),
        ("models/one.py", "small.json"),
        ("models/two.py", "plain"),
    ]


def test_what_comes_with_a_network(folder: Path) -> None:
    for name in ("w.safetensors", "train.py", "images/x", "more/x"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("")
    beside = 'weights = "w.safetensors", augmentation = "train.py:train"'
    text = f"""\
[tool.archcheck]
data = "images"

[tool.archcheck.networks]
"models/one.py" = {{spec = "./plain", {beside}}}
"models/two.py" = {{spec = "./plain", data = "more", augmentation = "train.py"}}
"""
    one, two = (network.submission for network in mapped_networks(config(text)))
    assert (one.weights, one.data) == (folder / "w.safetensors", folder / "images")
    assert one.augmentation == Reference(str((folder / "train.py").resolve()), "", "train")
    assert (two.weights, two.data) == (None, folder / "more")
    assert two.augmentation is not None
    assert two.augmentation.name == ""
    (folder / "images" / "x").unlink()
    (folder / "images").rmdir()
    with pytest.raises(ConfigError, match=r"pyproject.toml:5:1: data: there is no folder images"):
        mapped_networks(config(text))
    assert mapped_networks(config(text), folder / "more")[0].submission.data == folder / "more"


def test_how_files_are_loaded_is_said_for_all_or_for_one(folder: Path) -> None:
    text = """
    [tool.archcheck]
    load = "plain"
    [tool.archcheck.networks]
    "models/one.py" = "specs/edge.yaml"
    "models/two.py" = {spec = "specs/edge.yaml", load = "definitions"}
    """
    networks = mapped_networks(config(text))
    loads = [network.submission.reference.load for network in networks]
    assert loads == ["plain", "definitions"]


def test_paths_are_relative_to_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = '[tool.archcheck]\nnetworks = {"models/one.py" = "specs/edge.yaml"}\n'
    (folder / "pyproject.toml").write_text(text)
    for place in (folder / "models" / "deep", folder.parent):
        monkeypatch.chdir(place)
        (network,) = mapped_networks(read_config(folder / "pyproject.toml"))
        assert network.file == folder / "models" / "one.py"
        assert network.spec == str(folder / "specs" / "edge.yaml")


# -- which file -----------------------------------------------------------------------------


def test_the_closest_file_with_the_table_wins_and_nothing_merges(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.archcheck]\ntimeout = 1\nskip = ['macs']\n")
    (folder / "models" / "pyproject.toml").write_text("[tool.archcheck]\ntimeout = 2\n")
    (folder / "models" / "deep" / "pyproject.toml").write_text("[tool.other]\narchcheck = 1\n")
    for place, timeout in ((".", 1), ("specs", 1), ("models", 2), ("models/deep/er", 2)):
        found = find_config(folder / place)
        assert found is not None
        assert found.timeout == timeout
        assert found.skip == (("macs",) if timeout == 1 else ())


def test_without_a_table_there_is_nothing(folder: Path) -> None:
    assert find_config() is None
    (folder / "pyproject.toml").write_text(HEAD + "[tool]\nother = 1\n")
    assert find_config() is None
    (folder / "pyproject.toml").write_text("[of another tool")  # not ours to read
    assert find_config() is None
    with pytest.raises(ConfigError, match=r"pyproject\.toml has no table \[tool\.archcheck\]"):
        read_config(Path("pyproject.toml"))


def test_it_imports_next_to_nothing(folder: Path) -> None:
    config('[tool.archcheck.networks]\n"models/one.py" = "specs/edge.yaml"\n')
    code = "import sys\nfrom archcheck.config.model import find_config\n"
    code += "from archcheck.verification.mapping import mapped_networks\n"
    found = set(imported(code + "assert mapped_networks(find_config())\n"))
    assert not found & {"torch", "numpy", "pydantic", "rich", "typer", "yaml"}


# -- what is wrong --------------------------------------------------------------------------

NETWORKS = "[tool.archcheck.networks]\n"
WRONG = [
    # the text, the place, what is said, what is underlined
    ("[tool.archcheck]\ntimeuot = 3\n", "5:1", 'unknown key "timeuot"; did you mean "timeout"?'),
    ("[tool.archcheck]\ncache_dir = ''\n", "5:1", 'did you mean "cache-dir"?'),
    ("[tool.archcheck]\nxyz = ''\n", "5:1", 'unknown key "xyz"; there are networks, exclude'),
    ("[tool.archcheck.netwroks]\n", "4:17", 'did you mean "networks"?'),
    ("[tool]\narchcheck.tmeout = 3\n", "5:11", 'did you mean "timeout"?'),
    ("[tool]\narchcheck = 3\n", "5:1", "[tool.archcheck] is a table, not a number"),
    ("[tool.archcheck]\ntimeout = '3'\n", "5:1", "timeout is a number of seconds, not a string"),
    ("[tool.archcheck]\nmemory = 'much'\n", "5:1", "memory is a size in quotes, like"),
    ("[tool.archcheck]\ntimeout = true\n", "5:1", "timeout is a number of seconds, not true"),
    (
        "[tool.archcheck]\nload = 'fast'\n",
        "5:1",
        "load is one of 'plain', 'stand-ins', 'definitions'",
    ),
    ("[tool.archcheck]\ntimeout = 0\n", "5:1", "timeout is at least 0.1 seconds, not 0"),
    ("[tool.archcheck]\ntimeout = nan\n", "5:1", "timeout is at least 0.1 seconds, not nan"),
    ("[tool.archcheck]\nskip = 'macs'\n", "5:1", "skip is a list of rules in quotes, not a string"),
    (
        "[tool.archcheck]\nskip = [\n'a', 3]\n",
        "5:1",
        "skip is a list of rules in quotes, not ['a', 3]",
    ),
    (
        "[tool.archcheck]\nexclude = ['']\n",
        "5:1",
        "exclude is a list of patterns in quotes, not ['']",
    ),
    ("[tool.archcheck]\ncache-dir = ''\n", "5:1", "cache-dir is a folder's path, not empty"),
    ("[tool.archcheck]\ncache-dir = 1979-05-27\n", "5:1", "not a date or time"),
    ("[tool.archcheck]\nnetworks = []\n", "5:1", "networks is a table of patterns and specs"),
    (f"{NETWORKS}\n# one\n'a.py' = 3\n", "7:1", "a pattern is held to a spec, a table like"),
    (f"{NETWORKS}'a.py' = []\n", "5:1", '"a.py" is held to no spec: the list is empty'),
    (f"{NETWORKS}'a.py' = ['x', ['y']]\n", "5:1", "not to a list"),
    (f"{NETWORKS}'' = 'x'\n", "5:", "a pattern is empty"),
    (f"{NETWORKS}'a.py' = ''\n", "5:1", "spec is a file or a name, not empty"),
    (f"{NETWORKS}'a.py' = {{name = 'A'}}\n", "5:1", 'the key "spec" is missing'),
    (f"{NETWORKS}'a.py' = {{spec = 3}}\n", "5:11", "spec is a file or a name, not a number"),
    (f"{NETWORKS}a = {{spec = 'x', class = 'A'}}\n", "5:18", 'did you mean "name"?'),
    (f"{NETWORKS}a = {{spec = 'x', name = 'A-b'}}\n", "5:18", "no name that a network can have"),
    (f"{NETWORKS}a = {{spec = 'x', input = '3'}}\n", "5:18", "input is a shape without the batch"),
    (f"{NETWORKS}a = {{spec = 'x', input = [3, 0]}}\n", "5:18", "a shape is whole numbers above 0"),
    (f"{NETWORKS}a = {{spec = 'x', input = [true]}}\n", "5:18", "input is a shape"),
    (f"{NETWORKS}a = {{spec = 'x', input = [[3], 4]}}\n", "5:18", "input is a shape"),
    (f"{NETWORKS}a = {{spec = 'x', train = 1}}\n", "5:18", "train is true or false, not a number"),
    (f"{NETWORKS}a = {{spec = 'x', arguments = [1]}}\n", "5:18", "arguments is a table of names"),
    (f"{NETWORKS}a = [\n{{spec = 'x'}},\n{{spec = 'x', naem = 'b'}},\n]\n", "7:14", '"name"?'),
    (f"{NETWORKS}a = [\n{{spec = 'x'}},\n{{spec = 3}},\n]\n", "5", "spec is a file or a name"),
    (
        "[[tool.archcheck.networks.a]]\nspec = 'x'\n\n[[tool.archcheck.networks.a]]\nspec = 3\n",
        *("8:1", "spec is a file or a name, not a number"),
    ),
    ("[tool.archcheck]\ndata = ''\n", "5:1", "data is a folder's path, not empty"),
    (f"{NETWORKS}a = {{spec = 'x', weights = 3}}\n", "5:18", "weights is a file's path, not a"),
    ("[tool.archcheck\n", "4:16", "this is not TOML: expected ']'"),
    ("[tool.archcheck]\nskip = [1,", "5:", "this is not TOML: "),
    ("[tool.archcheck]\nskip = []\nskip = []\n", "6:", "this is not TOML: cannot overwrite"),
]


@pytest.mark.parametrize(("text", "place", "said"), WRONG)
def test_what_is_wrong_is_told_with_its_line(
    folder: Path, text: str, place: str, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        config(text)
    message = str(caught.value)
    assert message.startswith(f"pyproject.toml:{place}")
    assert said in message
    line, column = caught.value.line, caught.value.column
    assert line is not None
    if column is not None:
        assert (HEAD + text).split("\n")[line - 1] == caught.value.source
        assert column + caught.value.length - 1 <= max(len(caught.value.source), column)


def test_everything_that_is_wrong_is_told_at_once(folder: Path) -> None:
    text = "[tool.archcheck]\ntimeout = 0\ncash-dir = ''\noutput-format = 3\n"
    with pytest.raises(ConfigError) as caught:
        config(f"{text}{NETWORKS}a = {{spec = 3, naem = 'b'}}\nb = 3\nc = {{train = 1}}\n")
    first = caught.value
    assert [each.line for each in (first, *first.others)] == [5, 6, 7, 9, 9, 10, 11, 11]


MISMAPPED = [
    (
        "'modles/*.py' = 'specs/edge.yaml'",
        '"modles/*.py" stands for no network: it matches no file',
    ),
    ("'specs/*' = 'specs/edge.yaml'", "no file that it matches is a Python file"),
    (
        "'models' = 'specs/edge.yaml'",
        'it is a folder; write "models/" for its network, or "models/*.py"',
    ),
    ("'nowhere/*/' = 'specs/edge.yaml'", "it matches no folder"),
    ("'models/_*.py' = 'specs/edge.yaml'", "it matches only __init__.py, which counts where"),
    ("'/models/*.py' = 'specs/edge.yaml'", "patterns are relative to the folder of this file"),
    (r'"\u0000.py" = "specs/edge.yaml"', "it matches no file"),
    ("'models/*.py' = 'specs/edg.yaml'", "there is no spec specs/edg.yaml"),
    (r'"models/*.py" = "specs/edg\u0000"', "there is no spec specs/edg"),
    ("'models/*.py' = './specs'", '"./specs" is a folder; name the spec\'s file'),
    ("'models/*.py' = {spec = 'specs/x.yaml'}", "there is no spec specs/x.yaml"),
    ("'models/*.py' = {spec = './plain', weights = 'w.pt'}", "weights: there is no file w.pt"),
    ("'models/*.py' = {spec = './plain', weights = 'specs'}", "specs is a folder; name the file"),
    ("'models/*.py' = {spec = './plain', augmentation = 'x.py:t'}", "there is no file x.py"),
    ("'models/*.py' = {spec = './plain', augmentation = 'plain'}", "plain is not a Python file"),
    ("'models/*.py' = {spec = './plain', data = 'plain'}", "data: there is no folder plain"),
    (
        "'models/*.py' = 'assignment8'",
        'no shipped spec is named "assignment8"; did you mean "assignment7"?',
    ),
]


@pytest.mark.parametrize(("line", "said"), MISMAPPED)
def test_what_stands_for_nothing_is_refused(folder: Path, line: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        mapped(f"# where\n\n{line}\n")
    assert said in str(caught.value)
    assert caught.value.line == 7
    assert caught.value.source == ("" if "u0000.py" in line else line)


def test_what_is_excluded_is_no_network(folder: Path) -> None:
    text = "[tool.archcheck]\nexclude = ['models/t*.py', 'nothing']\n"
    text += '[tool.archcheck.networks]\n"models/*o.py" = "specs/edge.yaml"\n'
    with pytest.raises(ConfigError, match="every file that it matches is excluded"):
        mapped_networks(config(text))
    files = [network.file.name for network in mapped_networks(config(text.replace("*o", "*")))]
    assert files == ["net[1].py", "one.py"]


def test_a_pattern_that_ends_in_a_slash_stands_for_folders(folder: Path) -> None:
    for name in ("s10", "s2", "old"):
        (folder / "submissions" / name).mkdir(parents=True)
        (folder / "submissions" / name / "net.pt").touch()
    (folder / "submissions" / "notes.py").touch()
    text = "[tool.archcheck]\nexclude = ['submissions/old/']\n[tool.archcheck.networks]\n"
    text += "'submissions/*/' = {spec = 'specs/edge.yaml', name = 'Net', weights = 'net.pt'}\n"
    networks = mapped_networks(config(text))
    own = folder / "submissions"
    assert [each.file for each in networks] == [own / "s2", own / "s10"]
    submission = networks[0].submission
    assert submission.reference == Reference(str(own / "s2"), "", "Net")
    assert submission.weights == own / "s2" / "net.pt"
    with pytest.raises(ConfigError, match="every folder that it matches is excluded"):
        mapped_networks(config(text.replace("*/", "o*/")))


def test_files_that_cannot_be_read(folder: Path) -> None:
    file = folder / "pyproject.toml"
    file.write_bytes(b"[tool.archcheck]\nskip = ['\xff']\n")
    with pytest.raises(ConfigError, match=r"pyproject\.toml:2: this is not UTF-8 text"):
        find_config()
    file.write_text("[tool.archcheck]\nx = " + "[" * 100_000)
    with pytest.raises(ConfigError, match=r"pyproject\.toml"):
        find_config()
    file.write_text("# archcheck\n" * 100_000)
    with pytest.raises(ConfigError, match="too large to be read"):
        find_config()
    with pytest.raises(ConfigError, match=r"missing\.toml cannot be read: No such file"):
        read_config(folder / "missing.toml")


def test_the_line_is_found_in_a_long_file(folder: Path) -> None:
    before = "".join(f"[tool.other{n}]\nx = '''\n[tool.archcheck]\n'''\n" for n in range(400))
    with pytest.raises(ConfigError) as caught:
        config(f"{before}[tool.archcheck]\ntimeuot = 3\n{before.replace('other', 'more')}")
    assert caught.value.line == 3 + 4 * 400 + 2
