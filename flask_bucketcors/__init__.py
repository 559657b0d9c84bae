"""Bucket-level CORS, as Tencent COS, Alibaba OSS and AWS S3 have it, for any WSGI application.

>>> from flask_bucketcors import BucketCORSMiddleware, MemoryStore, Rule, RuleSet
>>> store = MemoryStore()
>>> store.put("photos", RuleSet([Rule(["https://a.example"], ["GET"])]))
1

``__init__.pyi`` lists the public names. Flask imports this package for the name of its group of
commands, whichever command runs. So a module is imported only when one of its names is used.
"""

import ast
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any


@cache
def _homes() -> dict[str, str]:
    """Public names, each with its module."""
    stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text("utf-8"))
    imports = [each for each in stub.body if isinstance(each, ast.ImportFrom)]
    return {alias.name: str(each.module) for each in imports for alias in each.names}


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return sorted(_homes())
    if name.startswith("_") or name not in _homes():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_homes()[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_homes()})
