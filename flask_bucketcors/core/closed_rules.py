"""What replaces compiled rules where no request is allowed."""

from typing import Final

from flask_bucketcors.core.candidates import Candidate, Pending
from flask_bucketcors.core.compiled import CompiledRules
from flask_bucketcors.core.decisions import Decision, Reason, Refused, refusals
from flask_bucketcors.core.dialects import COS, Dialect
from flask_bucketcors.core.grants import VaryMode, forms_of


class ClosedRules:
    """Refuses every request, for one reason.

    In COS a refused preflight looks the same whether the bucket has other rules or none. OSS,
    S3 and OBS distinguish these. In all of them, a missing bucket looks like one without rules, so
    that nobody can find out which buckets exist.

    :param reason: why requests are refused.
    :param dialect: the form of the responses.
    :param vary: see :class:`~flask_bucketcors.core.grants.VaryMode`.
    """

    # As those of compiled rules: no origin is known, and all are refused.
    origin: Final[str | None] = None
    first: Final[Candidate | None] = None
    by_origin: Final[dict[str, Candidate | Pending]] = {}

    def __init__(
        self, reason: Reason, dialect: Dialect = COS, *, vary: VaryMode = VaryMode.SAFE
    ) -> None:
        forms = forms_of(dialect, vary, False, False)
        self.without_origin: list[tuple[str, str]] = forms.without_origin
        self.refused: Refused = refusals(forms)[reason]

    def preflight(self, origin: str, method: str, requested_headers: str = "") -> Decision:
        return self.refused.preflight

    def actual(self, origin: str, method: str, requested_headers: str = "") -> Decision:
        return self.refused.actual


#: What decides requests to a bucket.
BucketRules = CompiledRules | ClosedRules
