"""What a page works on: the console of an application, and one request to it."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from wsgiref.types import WSGIEnvironment

from flask import current_app, make_response, request
from werkzeug.exceptions import Forbidden, HTTPException
from werkzeug.wrappers import Response

from flask_bucketcors.api.authorize import author_name
from flask_bucketcors.api.result_memo import ResultMemo
from flask_bucketcors.api.rules_writer import RulesWriter
from flask_bucketcors.console.console_response import ConsoleResponse
from flask_bucketcors.console.form_tokens import TOKEN_FIELD, make_token
from flask_bucketcors.console.options import ConsoleAction, ConsoleCall, ConsoleOptions
from flask_bucketcors.console.rendering import render
from flask_bucketcors.console.what_changes import ChangesOfOrigins
from flask_bucketcors.core.errors import StoreUnavailable, shown_value
from flask_bucketcors.core.grants import VaryMode
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.refused_lately.refusal_counter import RefusalCounter
from flask_bucketcors.refused_lately.refusal_table import RefusalTable
from flask_bucketcors.stores.contract import Reach, Store, StoredRules
from flask_bucketcors.stores.history_entry import HistoryEntry

_NOT_ALLOWED: Final = {
    ConsoleAction.LIST: "You may not see the list of buckets.",
    ConsoleAction.READ: "You may not see the rules of this bucket.",
    ConsoleAction.WRITE: "You may not change the rules of this bucket.",
}


@dataclass(frozen=True, kw_only=True)
class Console:
    """The console of one application.

    :param options: the hooks.
    :param find_writer: gives what writes rules as the ``?cors`` API does; it has the store and
        the dialect.
    :param is_insecure_allowed: whether pages are served by plain http to hosts that are not
        loopback.
    :param secret_keys: gives the keys that sign tokens, the newest last.
    :param is_bucket_host: whether the host of a request, by its environ, is a bucket's.
    :param vary: how responses have Vary, for what a request would get.
    :param refusals: what was refused lately; None if nothing counts it.
    :param changes: what earlier changes of rules changed.
    """

    options: ConsoleOptions
    find_writer: Callable[[], RulesWriter]
    is_insecure_allowed: bool
    secret_keys: Callable[[], Sequence[str | bytes]]
    is_bucket_host: Callable[[WSGIEnvironment], bool]
    vary: VaryMode = VaryMode.SAFE
    refusals: RefusalCounter | RefusalTable | None = None
    changes: ResultMemo[tuple[ChangesOfOrigins, ...]] = field(
        default_factory=ResultMemo, init=False, compare=False, repr=False
    )

    @property
    def writer(self) -> RulesWriter:
        """What writes the rules."""
        return self.find_writer()

    @property
    def store(self) -> Store:
        """Where the rules are."""
        return self.writer.store

    @property
    def is_on_hosts(self) -> bool:
        """Whether other hosts have the same rules, from the same server."""
        return self.store.reach is Reach.HOSTS


@dataclass(frozen=True, kw_only=True)
class Visit:
    """An allowed request to the console.

    :param author: who makes it.
    :param bucket: the bucket that it is about; ``""`` for none.
    """

    console: Console
    author: str
    bucket: str = ""

    @cached_property
    def may_write(self) -> bool:
        """Whether this person may change the bucket's rules."""
        try:
            return isinstance(_ask(self.console, ConsoleAction.WRITE, self.bucket or None), str)
        except HTTPException:
            return False

    @cached_property
    def token(self) -> str:
        """The token that proves that a form is the console's."""
        return make_token(self.console.secret_keys(), self.author)

    @property
    def hidden_fields(self) -> dict[str, str]:
        """The fields that each form has: the token, and that of the application's Flask-WTF."""
        fields = {TOKEN_FIELD: self.token}
        make_host_token = current_app.jinja_env.globals.get("csrf_token")
        if callable(make_host_token):
            name = current_app.config.get("WTF_CSRF_FIELD_NAME", "csrf_token")
            fields[name] = make_host_token()
        return fields

    @cached_property
    def stored(self) -> StoredRules | None:
        """The bucket's rules as they are stored; None if it has none."""
        return self.console.store.read(self.bucket)

    @cached_property
    def last_change(self) -> HistoryEntry | None:
        """The bucket's last change; None if it never had rules, or if that cannot be told now."""
        with suppress(StoreUnavailable):
            return self.console.store.last_change(self.bucket)
        return None

    @cached_property
    def rule_set(self) -> RuleSet | None:
        """The bucket's rules; None if it has none.

        :raises StoredRulesInvalid: if the stored text is not a rule set.
        """
        return self.stored.parse() if self.stored else None

    @cached_property
    def default_rules(self) -> RuleSet | None:
        """The rules that decide if the bucket has none of its own; None if there are none."""
        find = self.console.writer.find_default_rules
        return find(self.bucket) if find else None

    @property
    def in_force(self) -> RuleSet | None:
        """The rules that decide: the bucket's, or the default rules; None if there are none.

        :raises StoredRulesInvalid: if the stored text is not a rule set.
        """
        return self.rule_set or self.default_rules

    @property
    def is_by_default_rules(self) -> bool:
        """Whether the default rules decide."""
        return self.stored is None and self.default_rules is not None

    def page(self, template: str, *, status: int = 200, **values: Any) -> ConsoleResponse:
        """Render a page, with this visit as ``visit``."""
        return page(template, status=status, visit=self, **values)


def page(template: str, *, status: int = 200, **values: Any) -> ConsoleResponse:
    """Render a page; without a visit, ``visit`` is None."""
    return ConsoleResponse(render(template, **{"visit": None, **values}), status)


def admit(console: Console, action: ConsoleAction, bucket: str | None) -> Visit | Response:
    """Ask the ``authorize`` hook; give the visit, or the response of the hook.

    :raises Forbidden: if the hook refuses.
    :raises TypeError: if it returns anything else than text, a response or None.
    """
    said = _ask(console, action, bucket)
    if said is None:
        raise Forbidden(_NOT_ALLOWED[action])
    if isinstance(said, str):
        return Visit(console=console, author=said, bucket=bucket or "")
    return said


def _ask(console: Console, action: ConsoleAction, bucket: str | None) -> str | Response | None:
    authorize = console.options.authorize
    said: object = authorize(ConsoleCall(action, bucket, request)) if authorize else None
    if said is None:
        return None
    if isinstance(said, str):
        return author_name(said)
    if isinstance(said, Response):
        return make_response(said)
    raise TypeError(
        f"the authorize hook of the console returned {shown_value(said)}: return the name of the "
        "person as text, a response, or None to refuse"
    )
