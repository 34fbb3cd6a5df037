"""What was traced and printed before, kept in ``.archcheck_cache``. No torch here.

Nothing is imported here: where nothing has changed a run needs a few of these modules and no other.
"""
