"""The cache of traced networks and printed output in ``.archcheck_cache``. No torch here.

This file imports nothing: a run that is repeated needs only a few of these modules.
"""
