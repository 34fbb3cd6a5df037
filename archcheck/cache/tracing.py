"""Tracing a referenced network, or taking its Network from the cache."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from archcheck.cache.keys import ReferenceKey, reference_key, request_key
from archcheck.cache.store import Store
from archcheck.cache.watch import watch
from archcheck.network import Network
from archcheck.network.shapes import AnyInputs
from archcheck.worker.dependencies.states import Dependencies
from archcheck.worker.failures import Failure
from archcheck.worker.reference import Reference

if TYPE_CHECKING:
    from archcheck.tracing.requests import Traced
    from archcheck.worker.process import Start, Worker


class CachedTracing:
    """Traces one referenced network, in a child process that is started only if it is needed.

    As a context manager it leaves no process behind. Enter it first and do other work meanwhile:
    if the cache has nothing for the reference the child imports torch at once. Failures are not
    kept: a network that fails is run again.
    """

    def __init__(
        self, reference: Reference, store: Store | None, start_worker: Start | None = None
    ) -> None:
        self.reference = reference
        """The network, or the file that holds it."""
        self._store = store
        self._key: ReferenceKey | None = None
        self._worker: Worker | None = None
        self.start_worker: Start = start_worker or _fresh_worker
        """Starts the processes that this submission's code runs in; by default a fresh one each."""
        self.remark = "the cache is not used"
        """What the cache did, for ``--verbose``."""
        self.reads: Dependencies | None = None
        """What the network read when it was run; None if that is not known."""

    def __enter__(self) -> CachedTracing:
        with watch.paused():
            if self._store is not None:
                try:
                    self._key = reference_key(self.reference)
                except (OSError, TypeError, ValueError):  # no folder; names that are not UTF-8
                    self._store = None
            if self._store is None or self._key is None or not self._store.may_hold(self._key):
                self._worker = self.start_worker()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._worker is not None:
            self._worker.kill()

    def trace(
        self,
        inputs: AnyInputs,
        arguments: Mapping[str, Any] | None = None,
        *,
        training: bool = False,
        timeout: float = 60.0,
        other_batches: bool = False,
        batch: int = 0,
    ) -> Network | Failure:
        """The Network, kept or new; what goes wrong in it is returned as a :class:`Failure`.

        With ``other_batches`` it has to be the same network for another batch. ``batch`` is its
        number of samples, 0 for the usual one.

        Raises:
            InputError: if the reference is wrong.
            StartError: if the child could not import torch.
        """
        with watch.paused():
            request = self._request(inputs, arguments or {}, training, other_batches, batch)
            network = self._kept(request)
            if network is None and not (other_batches or batch):  # one looked at twice will do
                network = self._kept(self._request(inputs, arguments or {}, training, True))
            if network is not None:
                self.remark = "the network comes from the cache"
                return network
            reason = self._reason(request)
            from archcheck.tracing.remote import trace_in
            from archcheck.worker.attempts import first_that_loads

            worker, self._worker = self._worker, None  # a worker does one job
            traced = first_that_loads(
                self.reference,
                lambda worker, reference: trace_in(
                    worker,
                    reference,
                    inputs,
                    arguments,
                    training=training,
                    timeout=timeout,
                    recorded=True,
                    other_batches=other_batches,
                    batch=batch,
                ),
                self.start_worker,
                worker,
            )
            if isinstance(traced, Failure):
                self.remark = f"{reason}it could not be run, and is not kept"
                watch.add(None)
                return traced
            self.reads = traced.dependencies
            if not self._keep(request, traced):
                watch.add(None)
            self.remark = reason + self.remark
        return traced.network

    def _kept(self, request: str) -> Network | None:
        if self._store is None or self._key is None or not request:
            return None
        return self._store.get(self._key, request)

    def _request(
        self,
        inputs: AnyInputs,
        arguments: Mapping[str, Any],
        training: bool,
        other_batches: bool,
        batch: int = 0,
    ) -> str:
        if self._store is None or self._key is None:
            return ""
        try:
            return request_key(self._key, inputs, arguments, training, other_batches, batch)
        except (TypeError, ValueError, OverflowError):
            return ""  # the process will report what is wrong with them

    def _reason(self, request: str) -> str:
        """Why the network is traced, as the beginning of a remark."""
        if self._store is None or self._key is None or not request:
            return ""
        return f"the network is traced, since {self._store.reason(self._key, request)}; "

    def _keep(self, request: str, traced: Traced) -> bool:
        if self._store is None or self._key is None or not request:
            return False
        dependencies = traced.dependencies
        if dependencies is None:
            self.remark = "it is not kept: what it read is not known"
        elif dependencies.unseen:
            self.remark = f"it is not kept: {dependencies.unseen}"
        elif self._store.put(self._key, request, traced.network, dependencies):
            self.remark = "it is kept in the cache"
            return True
        else:
            self.remark = "it is not kept: its files changed, or none can be written"
        return False


def _fresh_worker() -> Worker:
    from archcheck.tracing.remote import start_worker  # imports subprocess

    return start_worker()
