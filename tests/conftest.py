"""What holds for all tests: profiles of property tests, and an environment of their own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
import torch
from hypothesis import HealthCheck, settings

for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
    os.environ.pop(name, None)  # where archcheck itself is tested, nothing is annotated
torch.set_num_threads(1)  # tests run in parallel processes; threads would only fight
# A shell starts its background jobs deaf to Ctrl-C, and so would be the commands that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

_COMMON = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=True,
)
settings.register_profile("quick", _COMMON, max_examples=10)
settings.register_profile("default", _COMMON, max_examples=100)
settings.register_profile("nightly", _COMMON, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session", autouse=True)
def _no_key_of_the_users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the commands keep for their user is kept for the tests alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.delenv("ARCHCHECK_CACHE_DIR", raising=False)
        patch.delenv("ARCHCHECK_NO_CACHE", raising=False)
        patch.delenv("ARCHCHECK_DATA", raising=False)  # tests that want it have read it by now
        yield
