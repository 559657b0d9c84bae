"""What the first write imports, loaded before a server forks.

Serving other requests needs none of it, so it is imported late. A server that loads the application
before it forks its workers, as ``gunicorn --preload`` does, would import it once more in each of
them, and their memory would not be shared.
"""

import os
from functools import cache
from importlib import import_module
from typing import Final

_LATE: Final = ("flask_bucketcors.api.put_review", "flask_bucketcors.api.change_summary")


@cache
def load_before_forks() -> None:
    """Load the modules before this process forks; before that, the first write does.

    Python runs the hook for ``os.fork`` and what uses it, as gunicorn does. uWSGI forks without
    hooks, unless ``py-call-uwsgi-fork-hooks`` is set. Then each worker loads them itself.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_load)


def _load() -> None:
    for name in _LATE:
        import_module(name)
