"""Networks that were traced before, kept in ``.archcheck_cache``. No torch here."""

from archcheck.cache.folder import BadFolder, clean, find_folder
from archcheck.cache.known import known_reads
from archcheck.cache.store import Store, open_store
from archcheck.cache.tracing import CachedTracing

__all__ = [
    "BadFolder",
    "CachedTracing",
    "Store",
    "clean",
    "find_folder",
    "known_reads",
    "open_store",
]
