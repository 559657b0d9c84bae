"""Whether a database can be at a path, checked before SQLite fails with a vaguer error."""

import os
from pathlib import Path

from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.stores.database_urls import is_like_url, is_server_url, shown_url


def check_path(path: str | os.PathLike[str]) -> None:
    """Refuse a path that no file can have.

    :raises StoreUnavailable: if it is empty, a URL, or holds a NUL character.
    """
    text = os.fspath(path)
    if is_like_url(text):
        elsewhere = ", or set BUCKETCORS_DATABASE to the URL" if is_server_url(text) else ""
        raise StoreUnavailable(
            f"the path of the database is the URL {shown_url(text)}; write the path of a file"
            f"{elsewhere}"
        )
    if not text:
        raise StoreUnavailable("the path of the database is empty; write the path of a file")
    if "\0" in text:
        raise StoreUnavailable(
            f"the path of the database {text!r} contains a NUL character; write it without one"
        )


def check_place(path: Path) -> None:
    """Refuse a place where nothing could ever be written.

    :raises StoreUnavailable: if something else than a file has the path, or if file or folder are
        read-only.
    """
    if path.is_dir():
        raise StoreUnavailable(
            f"the path of the database {str(path)!r} is a folder; write the path of a file in it"
        )
    if path.exists() and not path.is_file():
        # SQLite would wait for the other end of a pipe, or read from a device without an end.
        raise StoreUnavailable(
            f"the path of the database {str(path)!r} is a pipe, a socket or a device; "
            "write the path of a file"
        )
    # SQLite's log and its index are beside the target of a link.
    folder = _existing(Path(os.path.realpath(path)).parent)
    if folder.is_dir() and not _may(folder, os.W_OK | os.X_OK):
        raise StoreUnavailable(
            f"the folder {str(folder)!r} of the database {path.name!r} is read-only for "
            f"{_who()}, and SQLite keeps more files beside the database; "
            "make the folder writable, or write a path in another folder"
        )
    if path.exists() and not _may(path, os.R_OK | os.W_OK):
        raise StoreUnavailable(
            f"the database {str(path)!r} cannot be read and written by {_who()}; "
            "change its owner or mode, or write the path of another file"
        )


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _may(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _who() -> str:
    return f"user {os.geteuid()}" if hasattr(os, "geteuid") else "this user"
