"""Bucket-level CORS, as Tencent COS, Alibaba OSS and AWS S3 have it, for any WSGI application.

>>> from flask_bucketcors import BucketCORSMiddleware, MemoryStore, Rule, RuleSet
>>> store = MemoryStore()
>>> store.put("photos", RuleSet([Rule(["https://a.example"], ["GET"])]))
1
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from flask_bucketcors.api import RulesAPI, RulesCall
    from flask_bucketcors.blueprint import create_blueprint
    from flask_bucketcors.core.algebra.regions import HeaderLists, Region
    from flask_bucketcors.core.algebra.spans import Span
    from flask_bucketcors.core.compiled import CompiledRules, Decision, Reason
    from flask_bucketcors.core.diff import Change, ChangeKind, Diff
    from flask_bucketcors.core.errors import (
        BucketCORSError,
        InvalidBucketName,
        InvalidRules,
        Problem,
        ProblemReason,
        StoredRulesInvalid,
        StoreUnavailable,
        TooIntricate,
        UnknownRevision,
    )
    from flask_bucketcors.core.explain import Cause, Explanation, Fix, Mismatch, RuleTrace
    from flask_bucketcors.core.linting.findings import Check, Finding, Severity, Witness
    from flask_bucketcors.core.rules import Rule, RuleSet
    from flask_bucketcors.core.terms import Terms
    from flask_bucketcors.documents import UnreadableRules
    from flask_bucketcors.extension import BucketCORS, BucketCORSState
    from flask_bucketcors.middleware import BucketCORSMiddleware
    from flask_bucketcors.questions import diff, explain, lint
    from flask_bucketcors.signatures import AccessKey
    from flask_bucketcors.stores import HistoryEntry, MemoryStore, SQLiteStore, Store

__all__ = [
    "AccessKey",
    "BucketCORS",
    "BucketCORSError",
    "BucketCORSMiddleware",
    "BucketCORSState",
    "Cause",
    "Change",
    "ChangeKind",
    "Check",
    "CompiledRules",
    "Decision",
    "Diff",
    "Explanation",
    "Finding",
    "Fix",
    "HeaderLists",
    "HistoryEntry",
    "InvalidBucketName",
    "InvalidRules",
    "MemoryStore",
    "Mismatch",
    "Problem",
    "ProblemReason",
    "Reason",
    "Region",
    "Rule",
    "RuleSet",
    "RuleTrace",
    "RulesAPI",
    "RulesCall",
    "SQLiteStore",
    "Severity",
    "Span",
    "Store",
    "StoreUnavailable",
    "StoredRulesInvalid",
    "Terms",
    "TooIntricate",
    "UnknownRevision",
    "UnreadableRules",
    "Witness",
    "create_blueprint",
    "diff",
    "explain",
    "lint",
]

# Flask imports this package for the name of its group of commands, whichever command runs and
# whether the application uses it or not. So modules are imported when a name is asked for.
_HOMES: Final = {
    "api": ("RulesAPI", "RulesCall"),
    "blueprint": ("create_blueprint",),
    "core.algebra.regions": ("HeaderLists", "Region"),
    "core.algebra.spans": ("Span",),
    "core.compiled": ("CompiledRules", "Decision", "Reason"),
    "core.errors": (
        "BucketCORSError",
        "InvalidBucketName",
        "InvalidRules",
        "Problem",
        "ProblemReason",
        "StoredRulesInvalid",
        "StoreUnavailable",
        "TooIntricate",
        "UnknownRevision",
    ),
    "core.diff": ("Change", "ChangeKind", "Diff"),
    "core.explain": ("Cause", "Explanation", "Fix", "Mismatch", "RuleTrace"),
    "core.linting.findings": ("Check", "Finding", "Severity", "Witness"),
    "core.rules": ("Rule", "RuleSet"),
    "core.terms": ("Terms",),
    "documents": ("UnreadableRules",),
    "extension": ("BucketCORS", "BucketCORSState"),
    "middleware": ("BucketCORSMiddleware",),
    "questions": ("diff", "explain", "lint"),
    "signatures": ("AccessKey",),
    "stores": ("HistoryEntry", "MemoryStore", "SQLiteStore", "Store"),
}

# Hidden from type checkers, who would take any name for one of these.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        for home, names in _HOMES.items():
            if name in names:
                found = getattr(import_module(f"{__name__}.{home}"), name)
                globals()[name] = found
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
