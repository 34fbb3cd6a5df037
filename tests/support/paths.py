"""Where the repository's own files lie, for tests that read or copy them."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPECS = ROOT / "specs"
EXAMPLES = ROOT / "examples"
DATA = ROOT / "tests" / "support" / "data"
SCRIPTS = ROOT / "tests" / "support" / "scripts"
SUBMISSIONS = ROOT / "tests" / "support" / "submissions"
