"""Code storage: whether what is published fits into what an account may store in a region."""

_ALMOST_FULL = 0.9


def refuse_for_storage(used_bytes: int, limit_bytes: int, needed_bytes: int) -> str | None:
    """Return why a package does not fit any more, or None.

    Source: Lambda developer guide, "Lambda quotas": the storage for uploaded functions and layers.
    """
    if used_bytes + needed_bytes <= limit_bytes:
        return None
    return (
        f"the code storage of this region is full: {_spell(used_bytes)} of {_spell(limit_bytes)} are used, and "
        f"{_spell(needed_bytes)} are needed; delete versions that nothing needs any more"
    )


def storage_warning(used_bytes: int, limit_bytes: int, needed_bytes: int) -> str | None:
    """Return a warning that storage is about to run out, or None."""
    if used_bytes + needed_bytes <= _ALMOST_FULL * limit_bytes:
        return None
    return (
        f"the code storage of this region is almost full: {_spell(used_bytes)} of {_spell(limit_bytes)} are used; "
        "delete versions that nothing needs any more"
    )


def _spell(size_bytes: int) -> str:
    """Return a size in GB or MB, of 1024 each, as Lambda counts its quotas."""
    gigabytes = size_bytes / 1024**3
    return f"{gigabytes:,.1f} GB" if gigabytes >= 1 else f"{size_bytes / 1024**2:,.1f} MB"
