"""The names that a bucket can have. The application chooses the names, within these limits."""

import re

MAX_BUCKET_NAME_BYTES = 255

# C0, DEL and C1 controls, lone surrogates (bytes that were not UTF-8), and the separator.
_FORBIDDEN = re.compile("[\u0000-\u001f\u007f-\u009f\ud800-\udfff/]")


def is_bucket_name(name: str) -> bool:
    """Whether a bucket can have this name: 1 to 255 bytes of UTF-8, no ``/`` and no controls."""
    return (
        0 < len(name) <= MAX_BUCKET_NAME_BYTES
        and name not in (".", "..")
        and not _FORBIDDEN.search(name)
        and (name.isascii() or len(name.encode()) <= MAX_BUCKET_NAME_BYTES)
    )
