"""What a file does when it is imported, as far as its source says: it trains, asks, writes."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import NamedTuple

from archcheck.worker.importing.purity import Purity
from archcheck.worker.importing.scopes import run_at_once
from archcheck.worker.main_guard import is_main_guard

_ASKS = frozenset({"input", "getpass.getpass"})
_DOWNLOADS = (
    *("urllib.request.", "requests.", "wget.", "gdown.", "kaggle.", "kagglehub.", "datasets.load"),
    *("torch.hub.", "huggingface_hub.", "torchvision.datasets.utils.", "http.client.", "ftplib."),
    *("torch.utils.model_zoo.", "opendatasets.", "tensorflow_datasets."),
)
_RUNS = ("os.system", "os.popen", "subprocess.", "os.exec", "os.spawn")
_WRITES = frozenset(
    """
    torch.save torch.onnx.export numpy.save numpy.savez numpy.savetxt json.dump pickle.dump
    yaml.dump joblib.dump os.makedirs os.mkdir os.remove os.rename os.rmdir cv2.imwrite
    matplotlib.pyplot.savefig torchvision.utils.save_image torch.jit.save
    torch.utils.tensorboard.SummaryWriter tensorboardX.SummaryWriter wandb.init mlflow.start_run
""".split()
)
_WRITING_METHODS = frozenset(
    "to_csv to_json to_pickle savefig write_text write_bytes mkdir".split()
)
_TRAINING_METHODS = frozenset("backward fit fit_one_cycle manual_backward".split())
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Deed(NamedTuple):
    """What a file does when it is imported, as a predicate, and the line of its statement."""

    doing: str
    line: int


def deed_of(tree: ast.Module) -> Deed | None:
    """The first thing that a file does which an import must not; None if none is seen."""
    look = _Look(tree)
    for statement in tree.body:
        if not is_main_guard(statement) and (doing := look.of(statement)):
            return Deed(doing, statement.lineno)
    return None


class _Look:
    def __init__(self, tree: ast.Module) -> None:
        self._purity = Purity(tree.body)
        self._functions = _functions(tree)
        self._seen: set[str] = set()

    def of(self, statement: ast.AST) -> str:
        """What a statement does, with the functions that it calls; empty for nothing."""
        for node in run_at_once(statement):
            if isinstance(node, ast.Call) and (doing := self._call(node)):
                return doing
        return ""

    def _call(self, call: ast.Call) -> str:
        name, function = self._purity.called(call), call.func
        method = function.attr if isinstance(function, ast.Attribute) else ""
        if name in _ASKS:
            return "asks for input"
        if name.startswith(_DOWNLOADS) or _downloads(call):
            return "downloads"
        if name.startswith(_RUNS):
            return "starts another program"
        if name in _WRITES or method in _WRITING_METHODS or _opens_to_write(name, call):
            return "writes"
        if method in _TRAINING_METHODS:
            return "trains"
        return self._local(function, method)

    def _local(self, function: ast.expr, method: str) -> str:
        """What a function, a constructor or a method of the file does."""
        called = function.id if isinstance(function, ast.Name) else f".{method}"
        if called in self._seen:
            return ""
        self._seen.add(called)
        bodies = [part for body in self._functions.get(called, ()) for part in body]
        return next((doing for part in bodies if (doing := self.of(part))), "")


def _functions(tree: ast.Module) -> Mapping[str, list[list[ast.stmt]]]:
    """The bodies that a call by a name runs; methods are under their names behind a dot."""
    found: dict[str, list[list[ast.stmt]]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, _FUNCTIONS):
                    name = node.name if method.name == "__init__" else f".{method.name}"
                    found.setdefault(name, []).append(method.body)
        elif isinstance(node, _FUNCTIONS):
            found.setdefault(node.name, []).append(node.body)
    return found


def _downloads(call: ast.Call) -> bool:
    return any(
        keyword.arg == "download"
        and isinstance(keyword.value, ast.Constant)
        and keyword.value.value is True
        for keyword in call.keywords
    )


def _opens_to_write(name: str, call: ast.Call) -> bool:
    if name not in ("open", "io.open", "gzip.open", "codecs.open"):
        return False
    modes = [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
    mode = next(iter([*call.args[1:2], *modes]), None)
    text = mode.value if isinstance(mode, ast.Constant) else "r"
    return isinstance(text, str) and not {"w", "a", "x", "+"}.isdisjoint(text)
