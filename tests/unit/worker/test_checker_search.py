"""Code that looks for the checker is told; code that only uses it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

import archcheck
from archcheck.network import Place
from archcheck.worker.checker_search import searches

LOOKING = {
    "if 'archcheck' in sys.modules: pass": "whether archcheck runs it",
    "x = sys.modules.get('archcheck.tracing')": "whether archcheck runs it",
    "x = sys.modules['archcheck']": "whether archcheck runs it",
    "x = any(name.startswith('archcheck') for name in sys.modules)": "whether archcheck runs it",
    "x = 'ARCHCHECK_DATA' in os.environ": "whether archcheck runs it",
    "x = os.environ.get('ARCHCHECK_DATA')": "whether archcheck runs it",
    "x = os.getenv('ARCHCHECK_DATA')": "whether archcheck runs it",
    "x = os.environ['ARCHCHECK_NO_CACHE']": "whether archcheck runs it",
    "x = sys.argv[0].endswith('archcheck')": "whether archcheck runs it",
    "x = name in ('torchinfo', 'archcheck')": "whether archcheck runs it",
    "x = 'arch' + 'check' in sys.modules": "the modules that are loaded",
    "x = sys.modules.get(name)": "the modules that are loaded",
    "x = len(sys.modules) > 2000": "the modules that are loaded",
    "x = gc.get_objects()": "the objects of its process",
    "x = self._forward_hooks": "the hooks that watch it",
    "x = sys._getframe(2)": "the frames that called it",
    "x = inspect.stack()[1]": "the frames that called it",
    "x = inspect.currentframe().f_back": "the frames that called it",
    "from inspect import currentframe": "the frames that called it",
    "x = traceback.extract_stack()": "the frames that called it",
    "x = open('/proc/self/cmdline').read()": "the processes of the machine",
    "x = sys.orig_argv": "the command line of its process",
    "x = os.getppid()": "the process that started its own",
}


@pytest.mark.parametrize("line", LOOKING)
@pytest.mark.parametrize("inside", [False, True])
def test_code_that_looks_for_the_checker_is_told(tmp_path: Path, line: str, inside: bool) -> None:
    file = tmp_path / "net.py"
    file.write_text(f"def forward(x):\n    {line}\n" if inside else f"\n{line}\n")
    (remark,) = searches([str(file)])
    assert remark.text.startswith(f"the code looks at {LOOKING[line]}: ")
    assert remark.place == Place(str(file), 2)


USING = """\
\"\"\"archcheck verifies this network.\"\"\"
import archcheck
import importlib
import sys
from archcheck import verify
from torch import nn

module = importlib.import_module("archcheck")
if "torchvision" in sys.modules:
    here = sys.modules[__name__]

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.conv(x)

def report():
    print("archcheck says", archcheck.verify(Net(), "spec.yaml"))

if __name__ == "__main__":
    assert "archcheck" in sys.modules
    print(sys.argv[1:], sys._getframe())
"""


def test_code_that_uses_archcheck_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(USING)
    assert searches([str(tmp_path / "net.py"), str(tmp_path / "nowhere.py")]) == []


def test_the_remark_stands_in_the_report_of_whatever_file_it_is_about(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(f"import helper\n{USING}")
    (tmp_path / "helper.py").write_text("import sys\nhere = 'archcheck' in sys.modules\n")
    spec = {"input": [3, 8, 8], "rules": {"parameters": {"at_most": "10k"}}}
    report = archcheck.verify(tmp_path / "net.py", spec)
    assert report.passed
    (remark,) = report.as_dict()["remarks"]
    assert (Path(remark["file"]).name, remark["line"]) == ("helper.py", 2)
    assert "remark: the code looks at whether archcheck runs it" in str(report)
