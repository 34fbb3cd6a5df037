"""How the rules of a submission stay together under pytest-xdist."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling


class _Together(LoadGroupScheduling):  # type: ignore[misc]  # xdist has no types
    """Work is handed out by the submission; of everything else by the group, where tests have one,
    and by the single test."""

    def __init__(self, config: pytest.Config, log: Any, is_ours: Callable[[str], bool]) -> None:
        super().__init__(config, log)
        self._is_ours = is_ours

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.rpartition("::")[0] if self._is_ours(nodeid) else super()._split_scope(nodeid)


def scheduler(config: pytest.Config, log: Any, is_ours: Callable[[str], bool]) -> Any:
    """A scheduler that keeps together the items whose node ids are a submission's."""
    return _Together(config, log, is_ours)
