"""The public names, by topic, each with the module that it lives in.

This is the one list of them. `__init__.py` and type checkers read it, and so does
`docs/make_reference.py`: a topic begins with its title and an introduction.
"""

"""Rules

What the owner of a bucket allows. A `Rule` or `RuleSet` that exists is valid.
"""

from flask_bucketcors.core.rules import RuleSet as RuleSet
from flask_bucketcors.core.rules import Rule as Rule
from flask_bucketcors.documents.any_form import AnyRules as AnyRules
from flask_bucketcors.documents.any_form import read_rules as read_rules
from flask_bucketcors.documents.any_form import Reading as Reading
from flask_bucketcors.core.rule_edits import RuleEdit as RuleEdit
from flask_bucketcors.core.rule_edits import AddRule as AddRule
from flask_bucketcors.core.rule_edits import ReplaceRule as ReplaceRule
from flask_bucketcors.core.rule_edits import DeleteRule as DeleteRule
from flask_bucketcors.core.rule_edits import MoveRule as MoveRule
from flask_bucketcors.core.rule_edits import SetResponseVary as SetResponseVary
from flask_bucketcors.core.rule_edits import NoSuchRule as NoSuchRule
from flask_bucketcors.core.problems import InvalidRules as InvalidRules
from flask_bucketcors.core.problems import Problem as Problem
from flask_bucketcors.core.problems import ProblemReason as ProblemReason

"""Applications

How an application gets CORS for its buckets: as a Flask extension, as a Flask blueprint for the
`?cors` API alone, or as WSGI middleware. [Configuration](configuration.md) describes the settings.
"""

from flask_bucketcors.extension import BucketCORS as BucketCORS
from flask_bucketcors.extension import BucketCORSState as BucketCORSState
from flask_bucketcors.settings import Settings as Settings
from flask_bucketcors.blueprint import create_blueprint as create_blueprint
from flask_bucketcors.wsgi.middleware import BucketCORSMiddleware as BucketCORSMiddleware
from flask_bucketcors.api.rules_api import RulesAPI as RulesAPI
from flask_bucketcors.signatures.keys import AccessKey as AccessKey
from flask_bucketcors.core.grants import VaryMode as VaryMode
from flask_bucketcors.core.errors import SetupRefused as SetupRefused
from flask_bucketcors.core.errors import SettingRefused as SettingRefused

"""Hooks

Functions that your application passes, and their arguments.
"""

from flask_bucketcors.api.authorize import Authorize as Authorize
from flask_bucketcors.api.authorize import RulesCall as RulesCall
from flask_bucketcors.api.rules_writer import BucketExists as BucketExists
from flask_bucketcors.core.resolvers import BucketFunction as BucketFunction
from flask_bucketcors.core.request import Request as Request
from flask_bucketcors.core.hosts import PublicSuffix as PublicSuffix

"""Console

Pages on which people read, try and edit rules, see [Console](console.md).
"""

from flask_bucketcors.console.options import ConsoleOptions as ConsoleOptions
from flask_bucketcors.console.options import ConsoleCall as ConsoleCall
from flask_bucketcors.console.options import ConsoleAction as ConsoleAction
from flask_bucketcors.console.options import ConsoleAuthorize as ConsoleAuthorize
from flask_bucketcors.console.options import VisibleBuckets as VisibleBuckets
from flask_bucketcors.console.standalone import console_app as console_app

"""Stores

Where rule sets are kept. [Writing a store](writing-a-store.md) explains the contract.
"""

from flask_bucketcors.stores.contract import Store as Store
from flask_bucketcors.stores.contract import Changes as Changes
from flask_bucketcors.stores.history_entry import HistoryEntry as HistoryEntry
from flask_bucketcors.stores.history_entry import PastChange as PastChange
from flask_bucketcors.stores.bucket_summary import BucketSummary as BucketSummary
from flask_bucketcors.stores.contract import StoredRules as StoredRules
from flask_bucketcors.stores.contract import LastWrite as LastWrite
from flask_bucketcors.stores.contract import Signal as Signal
from flask_bucketcors.stores.contract import Reach as Reach
from flask_bucketcors.stores.health import CopyHealth as CopyHealth
from flask_bucketcors.stores.health import HealthNote as HealthNote
from flask_bucketcors.stores.contract import Expected as Expected
from flask_bucketcors.stores.contract import ANY_VERSION as ANY_VERSION
from flask_bucketcors.stores.memory import MemoryStore as MemoryStore
from flask_bucketcors.stores.sqlite.store import SQLiteStore as SQLiteStore
from flask_bucketcors.stores.sql.store import SQLStore as SQLStore
from flask_bucketcors.stores.replica.store import ReplicaStore as ReplicaStore
from flask_bucketcors.core.errors import InvalidBucketName as InvalidBucketName
from flask_bucketcors.core.errors import RulesChanged as RulesChanged
from flask_bucketcors.core.errors import UnknownRevision as UnknownRevision
from flask_bucketcors.core.errors import StoredRulesInvalid as StoredRulesInvalid
from flask_bucketcors.core.errors import StoreUnavailable as StoreUnavailable
from flask_bucketcors.core.errors import HistoryNotTaken as HistoryNotTaken

"""Decisions

How rules decide one request. Your tests can call this without an application, see
[Testing](testing.md#test-your-application).
"""

from flask_bucketcors.core.compiled import CompiledRules as CompiledRules
from flask_bucketcors.core.decisions import Decision as Decision
from flask_bucketcors.core.decisions import Reason as Reason

"""Tests

What tests of an application use, see [Testing](testing.md#test-your-application). You can also
import these names from `flask_bucketcors.testing`.
"""

from flask_bucketcors.testing import assert_browser_allows as assert_browser_allows
from flask_bucketcors.testing import assert_browser_refuses as assert_browser_refuses
from flask_bucketcors.testing import PageResponse as PageResponse
from flask_bucketcors.testing import memory_store as memory_store

"""Signals

What your code may want to know when it happens. [Metrics and signals](metrics.md#signals) shows how
to receive them.
"""

from flask_bucketcors.signals import rules_changed as rules_changed
from flask_bucketcors.signals import preflight_refused as preflight_refused
from flask_bucketcors.signals import rules_unreadable as rules_unreadable

"""Explanations

Why a request fails. [Explain a refused request](explain.md) describes the causes.
"""

from flask_bucketcors.analysis.explainer.explain import explain as explain
from flask_bucketcors.analysis.explainer.explain import Explanation as Explanation
from flask_bucketcors.analysis.mistakes import Cause as Cause
from flask_bucketcors.analysis.explainer.fix import Fix as Fix
from flask_bucketcors.analysis.explainer.rule_trace import RuleTrace as RuleTrace
from flask_bucketcors.analysis.explainer.rule_trace import Mismatch as Mismatch
from flask_bucketcors.analysis.evidence.curl import from_curl as from_curl
from flask_bucketcors.analysis.evidence.script_copies import from_copy as from_copy
from flask_bucketcors.analysis.evidence.har import from_har as from_har
from flask_bucketcors.analysis.evidence import from_console as from_console

"""Findings

What is dangerous or useless in rules. [Lint rules](lint.md) lists the checks.
"""

from flask_bucketcors.analysis.linter.lint import lint as lint
from flask_bucketcors.analysis.linter.findings import Finding as Finding
from flask_bucketcors.analysis.mistakes import Check as Check
from flask_bucketcors.analysis.mistakes import Severity as Severity
from flask_bucketcors.analysis.linter.findings import Witness as Witness

"""Differences

Which requests two rule sets treat differently. [Compare rule sets](diff.md) shows how to read the
result.
"""

from flask_bucketcors.analysis.algebra.diff import diff as diff
from flask_bucketcors.analysis.algebra.diff import Diff as Diff
from flask_bucketcors.analysis.algebra.diff import Change as Change
from flask_bucketcors.analysis.algebra.diff import ChangeKind as ChangeKind
from flask_bucketcors.analysis.algebra.regions import Region as Region
from flask_bucketcors.analysis.algebra.regions import HeaderLists as HeaderLists
from flask_bucketcors.analysis.algebra.spans import Span as Span
from flask_bucketcors.analysis.algebra.pattern_words import pattern_in_words as pattern_in_words
from flask_bucketcors.analysis.algebra.terms import Terms as Terms
from flask_bucketcors.analysis.algebra.request_space import Example as Example

"""Permissions

Which rules decide the requests of which origins. [Who may do what](permissions.md) shows how to
read the result.
"""

from flask_bucketcors.analysis.algebra.permissions import permissions as permissions
from flask_bucketcors.analysis.algebra.permissions import Permissions as Permissions
from flask_bucketcors.analysis.algebra.permissions import PermissionRow as PermissionRow
from flask_bucketcors.analysis.algebra.permissions import Decided as Decided

"""Work

How much work `explain`, `lint`, `diff` and `permissions` do. [Compare rule sets](diff.md#bounds)
says what happens beyond the bounds.
"""

from flask_bucketcors.analysis.algebra.bounds import Bounds as Bounds
from flask_bucketcors.core.errors import TooIntricate as TooIntricate

"""Errors

Every error that the package raises on purpose is a `BucketCORSError`, except a `ValueError` or
`TypeError` for a wrong argument. The other errors are listed with their topics.
"""

from flask_bucketcors.core.errors import BucketCORSError as BucketCORSError
