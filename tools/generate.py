"""Write the files that are made from the code, or with ``--check`` say which are out of date.

    python -m tools.generate [--check]

Made are the JSON Schema of specs, the documentation of the rules, the pictures in the README, and
from the runs that are kept the tables of `docs/benchmarks.md` (``benchmarks/results.json``), the
page about published models (``benchmarks/models/found.json``), and in `docs/lint.md` the scoreboard
(``benchmarks/lint/found.json``) and what is said of published networks
(``benchmarks/lint/known_good.json``).
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from archcheck import Network, load_spec, receptive_field
from archcheck.cli.output import lint_markdown, rule_markdown
from archcheck.fields.explain.summary import summarize
from archcheck.lint import all_lint_rules
from archcheck.reporters.plot import picture as plot
from archcheck.reporters.text import print_report
from archcheck.rules import all_rules
from archcheck.spec import json_schema
from archcheck.tracing.remote import start_worker, trace_reference
from archcheck.verification.found import verify_found
from archcheck.verification.submission import Submission
from archcheck.worker.reference import parse_reference
from benchmarks.lint import good_found
from benchmarks.lint import results as lint_results
from benchmarks.lint.good_page import with_known_good
from benchmarks.lint.page import with_scoreboard
from benchmarks.models import findings
from benchmarks.models.page import page
from benchmarks.results import KEPT, load
from benchmarks.table import section, with_section

ROOT = Path(__file__).resolve().parent.parent
NETWORK = "examples/assignment7/net004.py"
HOLES = "examples/assignment7/net003.py"
SPEC = "specs/assignment7.yaml"
COLUMNS = 96
THEME = TerminalTheme(
    (30, 32, 38),
    (220, 223, 228),
    [
        (60, 64, 72),
        (235, 110, 110),
        (132, 204, 126),
        (229, 192, 106),
        (110, 170, 240),
        (198, 140, 226),
        (98, 196, 206),
        (220, 223, 228),
    ],
)


def schema() -> str:
    """The JSON Schema that editors check specs with."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def rules() -> str:
    """The documentation of all rules."""
    parts = ["# The rules", "Made from the rules themselves by `python -m tools.generate`."]
    names = [f"- [`{name}`](#{name}): {rule.summary}" for name, rule in all_rules().items()]
    parts.append("\n".join(names))
    parts += [_below(rule_markdown(rule)) for rule in all_rules().values()]
    return "\n\n".join(parts) + "\n"


def lint_rules() -> str:
    """The documentation of all lint rules."""
    rules = all_lint_rules()
    parts = ["# The lint rules", "Made from the rules themselves by `python -m tools.generate`."]
    names = [f"- [`{n}`](#{n}) ({rule.severity}): {rule.summary}" for n, rule in rules.items()]
    parts.append("\n".join(names))
    parts += [_below(lint_markdown(rule)) for rule in rules.values()]
    return "\n\n".join(parts) + "\n"


def _below(text: str) -> str:
    """A document's headings, one level lower."""
    return text.replace("\n#", "\n##").replace("# ", "## ", 1)


def picture() -> str:
    """What the README's first command prints, as SVG (without its run time)."""
    submission = Submission(reference=parse_reference(NETWORK))
    report, _ = verify_found(submission, load_spec(SPEC), None, start_worker)
    report = replace(report, seconds=0.0)
    console = Console(
        record=True,
        width=COLUMNS,
        file=StringIO(),
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
    )
    print_report(report, console)
    title = f"archcheck verify {NETWORK} --spec {SPEC}"
    svg = console.export_svg(title=title, theme=THEME, unique_id="archcheck")
    # The viewer's own monospace font will do: nothing is fetched to look at a picture.
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


def field() -> str:
    """The picture that ``rf --plot`` draws of a network with holes in its field."""
    network = trace_reference(parse_reference(HOLES), [(3, 32, 32)])
    assert isinstance(network, Network)
    rf = receptive_field(network)
    return plot(summarize(rf, rf.locations("features")[0]), "svg").decode()


def benchmarks() -> str:
    """The page of the benchmarks, with what the kept run found."""
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    return with_section(text, section(load(KEPT)) if KEPT.exists() else "")


def lint() -> str:
    """The page of the lint, with the scoreboard and the published networks of the kept runs."""
    text = (ROOT / "docs" / "lint.md").read_text(encoding="utf-8")
    text = with_scoreboard(text, lint_results.load(lint_results.KEPT))
    return with_known_good(text, good_found.load())


def models() -> str:
    """What the kept run over published models found."""
    return page(findings.load(findings.KEPT))


MADE = {
    "specs/archcheck.schema.json": schema,
    "docs/lint.md": lint,
    "docs/models.md": models,
    "docs/rules.md": rules,
    "docs/lint-rules.md": lint_rules,
    "docs/verify.svg": picture,
    "docs/field.svg": field,
    "docs/benchmarks.md": benchmarks,
}


def main(arguments: list[str]) -> int:
    """Write or check all files; returns the exit code."""
    check = arguments == ["--check"]
    stale = []
    for name, make in MADE.items():
        file, text = ROOT / name, make()
        if file.exists() and file.read_text(encoding="utf-8") == text:
            continue
        if check:
            stale.append(name)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {name}\n")
    for name in stale:
        sys.stdout.write(f"{name} is out of date; run: python -m tools.generate\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
