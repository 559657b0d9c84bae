"""Bucket-level CORS, as Tencent COS, Alibaba OSS and AWS S3 have it, for any WSGI application.

>>> from flask_bucketcors import BucketCORSMiddleware, MemoryStore, Rule, RuleSet
>>> store = MemoryStore()
>>> store.put("photos", RuleSet([Rule(["https://a.example"], ["GET"])]))
1
"""

from flask_bucketcors.api import RulesAPI, RulesCall
from flask_bucketcors.blueprint import create_blueprint
from flask_bucketcors.core.compiled import CompiledRules, Decision, Reason
from flask_bucketcors.core.errors import (
    BucketCORSError,
    InvalidBucketName,
    InvalidRules,
    Problem,
    ProblemReason,
    StoredRulesInvalid,
    StoreUnavailable,
    UnknownRevision,
)
from flask_bucketcors.core.explain import Cause, Explanation, Fix
from flask_bucketcors.core.rules import Rule, RuleSet
from flask_bucketcors.explaining import explain
from flask_bucketcors.extension import BucketCORS, BucketCORSState
from flask_bucketcors.middleware import BucketCORSMiddleware
from flask_bucketcors.signatures import AccessKey
from flask_bucketcors.stores import HistoryEntry, MemoryStore, SQLiteStore, Store

__all__ = [
    "AccessKey",
    "BucketCORS",
    "BucketCORSError",
    "BucketCORSMiddleware",
    "BucketCORSState",
    "Cause",
    "CompiledRules",
    "Decision",
    "Explanation",
    "Fix",
    "HistoryEntry",
    "InvalidBucketName",
    "InvalidRules",
    "MemoryStore",
    "Problem",
    "ProblemReason",
    "Reason",
    "Rule",
    "RuleSet",
    "RulesAPI",
    "RulesCall",
    "SQLiteStore",
    "Store",
    "StoreUnavailable",
    "StoredRulesInvalid",
    "UnknownRevision",
    "create_blueprint",
    "explain",
]
