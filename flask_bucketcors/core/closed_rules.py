"""What replaces compiled rules where no request is allowed."""

from flask_bucketcors.core.compiled import Candidate, CompiledRules, Decision, Reason, refusals
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

    __slots__ = ("_actual", "_preflight", "by_origin", "without_origin")

    def __init__(
        self, reason: Reason, dialect: Dialect = COS, *, vary: VaryMode = VaryMode.SAFE
    ) -> None:
        forms = forms_of(dialect, vary, False, False)
        self.without_origin = forms.without_origin
        self.by_origin: dict[str, Candidate] = {}
        self._preflight = refusals(forms.refused_preflight_vary)[reason]
        self._actual = refusals(forms.refused_vary)[reason]

    def preflight(self, origin: str, method: str, requested_headers: str = "") -> Decision:
        return self._preflight

    def actual(self, origin: str, method: str, requested_headers: str = "") -> Decision:
        return self._actual


#: What decides requests to a bucket.
BucketRules = CompiledRules | ClosedRules
