"""Tracing a referenced network, or having its Network from the cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from archcheck.cache.keys import reference_key, request_key
from archcheck.cache.store import Store
from archcheck.network import Network
from archcheck.worker.failures import Failure
from archcheck.worker.reference import Reference

if TYPE_CHECKING:
    from archcheck.worker.process import TracingProcess


class CachedTracing:
    """Traces one referenced network, in a child process that is not started where it is not needed.

    As a context manager it leaves no process behind. Enter it first and do other work meanwhile:
    where the cache has nothing for the reference the child imports torch at once. Only Networks
    are kept; one that fails, fails anew.
    """

    def __init__(self, reference: Reference, store: Store | None) -> None:
        self._reference = reference
        self._store = store
        self._key = ""
        self._process: TracingProcess | None = None
        self.remark = "the cache is not used"
        """What the cache did, for who asks."""

    def __enter__(self) -> CachedTracing:
        if self._store is not None:
            try:
                self._key = reference_key(self._reference)
            except (OSError, TypeError, ValueError):  # no working directory; names that are no text
                self._store = None
        if self._store is None or not self._store.may_hold(self._key):
            self._process = _process()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()

    def trace(
        self,
        input_shapes: Sequence[Sequence[int]],
        arguments: Mapping[str, Any] | None = None,
        *,
        training: bool = False,
        timeout: float = 60.0,
    ) -> Network | Failure:
        """The Network, kept or new; what goes wrong in it comes back as a :class:`Failure`.

        Raises:
            BadReference: if the reference is wrong.
            StartError: if the child could not import torch.
        """
        request = self._request(input_shapes, arguments or {}, training)
        if self._store is not None and request:
            network = self._store.get(self._key, request)
            if network is not None:
                self.remark = "the network comes from the cache"
                return network
        if self._process is None:
            self._process = _process()
        found = self._process.trace(
            self._reference,
            input_shapes,
            arguments,
            training=training,
            timeout=timeout,
            watched=bool(request),
        )
        if isinstance(found, Network) and self._store is not None and request:
            self._keep(self._store, request, found)
        return found

    def _request(
        self, input_shapes: Sequence[Sequence[int]], arguments: Mapping[str, Any], training: bool
    ) -> str:
        if self._store is None:
            return ""
        try:
            return request_key(input_shapes, arguments, training)
        except (TypeError, ValueError, OverflowError):
            return ""  # the process will say what is wrong with them

    def _keep(self, store: Store, request: str, network: Network) -> None:
        reads = self._process.reads if self._process is not None else None
        if reads is None:
            self.remark = "the network is not kept: what it read is not known"
        elif reads.unseen:
            self.remark = f"the network is not kept: {reads.unseen}"
        elif store.put(self._key, request, network, reads):
            self.remark = "the network is kept in the cache"
        else:
            self.remark = "the network is not kept: its files changed, or none can be written"


def _process() -> TracingProcess:
    from archcheck.worker.process import TracingProcess

    return TracingProcess()
