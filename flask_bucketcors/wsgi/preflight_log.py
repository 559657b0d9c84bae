"""What the log says about refused preflights, at level DEBUG.

Clients choose everything in such a line, so every value is escaped and of bounded length.
"""

import logging
from collections.abc import Callable
from typing import Final

from flask_bucketcors.core.closed_rules import BucketRules
from flask_bucketcors.core.compiled import CompiledRules
from flask_bucketcors.core.decisions import Reason
from flask_bucketcors.log_fields import fields

logger: Final = logging.getLogger("flask_bucketcors.preflights")

_REFUSED: Final = (
    "preflight refused (%s): bucket %.300r, origin %.350a, method %.80a, headers %.250a, %s"
)


def log_refused(
    reason: Reason,
    bucket: str,
    sent: tuple[str | None, str | None, str],
    find_rules: Callable[[str], BucketRules | None],
) -> None:
    """Log a refused preflight, with the rule that came nearest to allowing it.

    :param sent: the ``preflight_headers`` of the request.
    """
    origin, method, headers = sent
    rule = None
    if reason in (Reason.METHOD, Reason.HEADERS):
        rule = _nearest(find_rules(bucket), origin or "", method or "")
    rule_text = "no rule" if rule is None else f"rule {rule + 1}"
    said = fields(
        "preflight_refused",
        reason=reason,
        bucket=bucket,
        origin=origin,
        method=method,
        headers=headers,
        rule=None if rule is None else rule + 1,
    )
    logger.debug(_REFUSED, reason, bucket, origin, method, headers, rule_text, extra=said)


def _nearest(rules: BucketRules | None, origin: str, method: str) -> int | None:
    """Give the first rule that allows the origin, if possible one that allows the method, too."""
    # The rules may have changed since the decision.
    if not isinstance(rules, CompiledRules):
        return None
    allowing = rules.allowing(origin)
    fitting = [index for index in allowing if method in rules.rules[index].grant.methods]
    return next(iter(fitting or allowing), None)
