"""The kinds of mistakes: why requests fail (:class:`Cause`), what lint looks for (:class:`Check`).

All that is known of one kind stands in one row: what is wrong and what to do, how it ranks beside
others, and which part of a value to mark. A new kind is a row here and the code that finds it.
"""

import re
from enum import Enum, IntEnum, StrEnum


class Kind(IntEnum):
    """What sort of cause it is.

    The number says how hard it is to believe that a rule with such a mistake was meant for a
    request. The rule whose mistakes add up to the least is explained.
    """

    #: No change of the rules helps.
    ELSEWHERE = -1
    #: It is about the rules as a whole, or about the response of a matching rule.
    OF_RULES = 0
    #: The right value is meant, and misspelled.
    SPELLING = 10
    #: A value is there that looks as if it included the right one.
    NOT_INCLUDED = 20
    #: A value is missing.
    MISSING = 30
    #: A similar origin is named.
    SIMILAR = 40
    #: No value of the rule says anything about the origin.
    UNRELATED = 100


class Cause(StrEnum):
    """Why a page's request fails. Where several causes apply, the first of these is named first.

    Each has a ``title`` of at most 40 characters, a ``meaning``, which is what is wrong, in a
    sentence, and ``help``, which is what to do, in the imperative.
    """

    kind: Kind
    # Hides a method of texts.
    title: str  # type: ignore[assignment]
    #: That of a misspelled origin begins with "The origin".
    meaning: str
    help: str

    def __new__(cls, value: str, kind: Kind, title: str, meaning: str, help: str) -> "Cause":
        """Make a member of its row."""
        cause = str.__new__(cls, value)
        cause._value_ = value
        cause.kind, cause.title, cause.meaning, cause.help = kind, title, meaning, help
        return cause

    # A table: each row in as few lines as it takes.
    # fmt: off
    NO_RULES = ("no_rules", Kind.OF_RULES, "No CORS rules",
        "The bucket has no CORS rules, so pages on other origins cannot use it.",
        "add a rule for the page's origin")
    ORIGIN_INVISIBLE_CHARACTER = ("origin_invisible_character", Kind.SPELLING,
        "Invisible character in the origin",
        "The origin contains an invisible character, such as a space or a byte order mark.",
        "delete the value and type it again")
    ORIGIN_LOOKALIKE = ("origin_lookalike", Kind.SPELLING, "Lookalike letters in the origin",
        "The origin contains letters that look like others.",
        "check the spelling; if it is wrong, delete the value and type it again")
    ORIGIN_IDN = ("origin_idn", Kind.SPELLING, "Host not in its xn-- form",
        "The origin spells out an international host name; browsers send its `xn--` form.",
        "write the `xn--` form")
    ORIGIN_PATH = ("origin_path", Kind.SPELLING, "Path, query or user name in the origin",
        "The origin contains more than scheme, host and port: a path, a query or a user name.",
        "write only scheme, host and port")
    ORIGIN_TRAILING_SLASH = ("origin_trailing_slash", Kind.SPELLING, "Trailing slash in the origin",
        "The origin ends in a slash; browsers send none.",
        "remove the trailing slash")
    ORIGIN_CASE = ("origin_case", Kind.SPELLING, "Capital letters in the origin",
        "The origin contains capital letters; browsers send lower case, and case counts.",
        "write it in lower case")
    ORIGIN_IP_LOCALHOST = ("origin_ip_localhost", Kind.SIMILAR, "Another name of the local machine",
        "`localhost`, `127.0.0.1` and `[::1]` are different origins; the rule names another one.",
        "add the one that the page is loaded from")
    ORIGIN_APEX = ("origin_apex", Kind.SIMILAR, "Bare domain not allowed",
        "The rule names subdomains, such as `https://*.a.example` or `https://www.a.example`, but "
        "not the bare domain `https://a.example`.",
        "add the bare domain")
    ORIGIN_SUBDOMAIN_DEPTH = ("origin_subdomain_depth", Kind.SIMILAR,
        "Host above or below the page's host",
        "The rule names a host above or below the page's host, which is a different origin.",
        "add the page's own origin")
    ORIGIN_SCHEME = ("origin_scheme", Kind.SIMILAR, "Different scheme",
        "The rule names the host with a different scheme, or with none.",
        "write the scheme that the page is loaded with, `http://` or `https://`")
    ORIGIN_DEFAULT_PORT = ("origin_default_port", Kind.SPELLING, "Default port in the origin",
        "The origin spells out the default port of its scheme; browsers leave it out.",
        "remove the port")
    ORIGIN_PORT = ("origin_port", Kind.SIMILAR, "Different port",
        "The rule names the host with a different port, or with none.",
        "write the port as the page's address shows it")
    ORIGIN_NULL = ("origin_null", Kind.UNRELATED, "Page without an origin",
        "The page has no origin and sends `null`: it is a file, a sandboxed frame or a `data:` "
        "page, or the request was redirected to another origin.",
        "serve the page over https; after a redirect, hand out the final address; for public data, "
        "allow `*`")
    ORIGIN_NOT_LISTED = ("origin_not_listed", Kind.UNRELATED, "Origin not in any rule",
        "No rule names the page's origin or a similar one.",
        "add the origin to a rule, or add a rule for it")
    METHOD_MISSING = ("method_missing", Kind.MISSING, "Method not allowed",
        "The nearest rule allows the origin, but not the method.",
        "add the method to the rule; rules can allow GET, PUT, POST, DELETE, HEAD, and those of "
        "BUCKETCORS_EXTRA_METHODS")
    METHOD_NOT_ENABLED = ("method_not_enabled", Kind.MISSING, "Method not enabled in the settings",
        "The application's settings do not let rules allow the method.",
        "add the method to BUCKETCORS_EXTRA_METHODS, and then to the rule")
    METHOD_CASE = ("method_case", Kind.SPELLING, "Method in the wrong case",
        "The method is written in the wrong case; methods are case-sensitive.",
        "write the method in upper case")
    METHOD_HEAD_NOT_GET = ("method_head_not_get", Kind.NOT_INCLUDED, "HEAD not included in GET",
        "The rule allows GET, which does not include HEAD.",
        "add HEAD to the rule")
    HEADER_MISSING = ("header_missing", Kind.MISSING, "Header not allowed",
        "The nearest rule allows origin and method, but not every header that the page sends.",
        "add each missing name to the rule's AllowedHeader")
    HEADER_UNDERSCORE = ("header_underscore", Kind.SPELLING, "Underscore in a header name",
        "A header name is written with `_` in one place and with `-` in another.",
        "write `-` in the page and in the rule; many servers drop headers with `_`")
    HEADER_INVISIBLE_CHARACTER = ("header_invisible_character", Kind.SPELLING,
        "Invisible character in a header name",
        "A header name contains an invisible character, or one that only looks right.",
        "delete the name and type it again")
    EXPOSE_MISSING = ("expose_missing", Kind.OF_RULES, "Response header not exposed",
        "The request passes, but the page may not read a response header, such as ETag.",
        "add the name to the rule's ExposeHeader")
    EXPOSE_PATTERN = ("expose_pattern", Kind.OF_RULES, "Pattern in ExposeHeader",
        "ExposeHeader contains a `*`, which vendors reject, and browsers ignore with credentials.",
        "name each header that the page reads")
    CREDENTIALS_WILDCARD = ("credentials_wildcard", Kind.OF_RULES,
        "Credentials, but the response allows *",
        "The page sends credentials and the response allows `*`, which browsers then reject.",
        "name the origin in its own rule above the one with `*`, or send no credentials")
    MAX_AGE_CACHED = ("max_age_cached", Kind.ELSEWHERE, "Old preflight response in the browser",
        "The rules allow the request now, but the browser still uses an older preflight response.",
        "wait until its max-age has passed, or turn off the cache in the browser's tools")
    SHADOWED_RULE = ("shadowed_rule", Kind.OF_RULES, "A rule above matches first",
        "A rule further down does what the page needs, but a rule above it matches first.",
        "move the rule up")
    ACRM_MISSING = ("acrm_missing", Kind.ELSEWHERE, "Not a preflight",
        "An OPTIONS request without Access-Control-Request-Method is not a preflight.",
        "send that header too, as browsers do")
    APP_REFUSED = ("app_refused", Kind.ELSEWHERE, "Refused by the application",
        "The application itself responded with a refusal, an error or a redirect.",
        "correct the signature, the permissions or the address; let preflights pass without "
        "signing in")
    CDN_RESPONDED = ("cdn_responded", Kind.ELSEWHERE, "Response of a CDN or a proxy",
        "A CDN or a proxy responded instead of the bucket.",
        "configure CORS there, and let it pass on Origin and OPTIONS")
    DUPLICATE_HEADERS = ("duplicate_headers", Kind.ELSEWHERE, "CORS header sent twice",
        "A response contains a header such as Access-Control-Allow-Origin twice, which fails even "
        "if both are right.",
        "let only one layer set CORS headers")
    VARY_MISSING = ("vary_missing", Kind.ELSEWHERE, "Cached response for another origin",
        "A cache returned a response for another origin, or for none, because it lacked "
        "`Vary: Origin`.",
        "turn ResponseVary on and clear the cache")
    OTHER = ("other", Kind.ELSEWHERE, "Unknown cause",
        "None of the known causes applies.",
        "read the text of the explanation")
    # fmt: on

    @property
    def is_by_rules(self) -> bool:
        """Whether a change of the rules could help."""
        return self.kind is not Kind.ELSEWHERE

    def said_of(self, value: str) -> str:
        """What is wrong with an origin, in a sentence about a value."""
        return self.meaning.replace("The origin", value, 1)


class Severity(StrEnum):
    """How much a finding matters.

    ``DANGER``: sites that the owner does not intend to allow can use the bucket. ``WARNING``: the
    rules do not do what they seem to do. ``ADVICE``: the rules work, but could be simpler.
    """

    DANGER = "danger"
    WARNING = "warning"
    ADVICE = "advice"


# Which part of a value to mark. The time that each takes grows with the length of the value alone.
_ALL = ""
_STAR = r"\*"
_CAPITALS = "[A-Z](?:.*[A-Z])?"
_BEHIND_HOST = r"(?<![:/\\])[/?#\\].+|(?<![^/])[^/@]*+@"
_SLASH = r"(?<!/)/++(?=[^/\w]{0,9}$)"
_BEYOND_ASCII = "[^\x00-\x7f](?:.*[^\x00-\x7f])?"
_INVISIBLE = r"[^\w!-~]++"


class Check(Enum):
    """What lint looks for. Ids are stable: one that is given up is not used again.

    Each has an ``id``, a ``severity``, a ``title`` of at most 40 characters, which can stand
    beside the value, a ``meaning``, which is what it finds, in a few words, and ``help``, which is
    what to do; a finding may say that more precisely. A check for a misspelled origin has a
    ``cause``, and its words.
    """

    id: str
    severity: Severity
    title: str
    meaning: str
    help: str
    cause: Cause | None
    _mark: re.Pattern[str]

    def __new__(
        cls, id: str, severity: Severity, title: str, mark: str, meaning: str, help: str = ""
    ) -> "Check":
        """Make a member of its row."""
        check = object.__new__(cls)
        check._value_ = check.id = id
        check.severity, check.title, check._mark = severity, title, re.compile(mark)
        check.cause = meaning if isinstance(meaning, Cause) else None
        check.meaning, check.help = meaning, help
        if check.cause:
            check.meaning = check.cause.said_of("a value").removesuffix(".")
            check.help = check.cause.help
        return check

    # fmt: off
    RULE_UNREACHABLE = ("BC101", Severity.WARNING, "Never decides anything", _ALL,
        "rules above match every request that the rule allows",
        "delete the rule, or move it above the rules that the finding names")
    RULE_PARTLY_SHADOWED = ("BC102", Severity.ADVICE, "Partly decided by a rule above", _ALL,
        "a rule above matches some of the requests that the rule allows",
        "allow each request by one rule only, or move the narrower rule up")
    VALUE_REPEATED = ("BC103", Severity.ADVICE, "Listed twice", _ALL,
        "a rule contains a value twice",
        "delete one of them")
    VALUE_COVERED = ("BC104", Severity.ADVICE, "Covered by another value", _ALL,
        "other values of the rule cover everything that a value covers",
        "delete it, or delete the wider value if that allows more than you want")
    PATTERNS_OVERLAP = ("BC105", Severity.ADVICE, "Overlaps another value", _ALL,
        "two values of a rule overlap",
        "make one of them narrower, so that you can change each on its own")
    RULES_DISAGREE = ("BC106", Severity.ADVICE, "Responses differ for one origin", _ALL,
        "two rules give an origin different credentials, max-age, or headers",
        "give the origin one rule, or give both rules the same values")
    ANY_ORIGIN_FIRST = ("BC107", Severity.WARNING, "Below a rule for any site", _ALL,
        "a rule with `*` is above one that names origins",
        "move the rule that names origins above the one with `*`")
    UNRELATED_ORIGINS = ("BC108", Severity.ADVICE, "Several sites in one rule", _ALL,
        "a rule names origins of more than one site",
        "give each site its own rule, so that you can change each on its own")
    OPEN_START = ("BC201", Severity.DANGER, "Open start: anyone can register a match", _STAR,
        "anyone can register a domain that ends like the pattern",
        "write a dot after the `*`, and after that a domain of your own")
    OPEN_END = ("BC202", Severity.DANGER, "Open end: anyone can register a match", _STAR,
        "anyone can register a domain that begins like the pattern",
        "write the whole host; another value with `:*` after it covers other ports")
    ANY_SCHEME = ("BC203", Severity.DANGER, "Any scheme, and so plain http", _STAR,
        "the `*` covers the scheme, and so plain http",
        "start the pattern with `https://`")
    NEARLY_ANY_ORIGIN = ("BC204", Severity.DANGER, "Nearly any site, with credentials", _STAR,
        "the pattern matches nearly every origin, with credentials",
        "name the origins; for public data write `*` alone")
    PUBLIC_SUFFIX = ("BC205", Severity.DANGER, "Anyone can register below this domain", _STAR,
        "anyone can register a domain that matches the pattern",
        "write a domain of your own after the `*.`")
    NULL_ORIGIN = ("BC206", Severity.DANGER, "Any sandboxed page", _ALL,
        "`null` is allowed, which any page can send",
        "delete it, and serve the page from an origin of its own")
    HTTP_CREDENTIALS = ("BC207", Severity.DANGER, "Unencrypted page, with credentials", "^http",
        "an origin with plain http is allowed, with credentials",
        "serve the page over https, and write `https://`")
    ANY_ORIGIN = ("BC208", Severity.ADVICE, "Any site may read", _ALL,
        "every site may read the objects",
        "name the sites, unless the objects are for everyone")
    ANY_ORIGIN_WRITES = ("BC209", Severity.WARNING, "Any site may write", _ALL,
        "every site may change objects",
        "name the sites, and leave `*` to a rule for GET and HEAD")
    UPPER_CASE = ("BC301", Severity.WARNING, "Capital letters: never matches",
        _CAPITALS, Cause.ORIGIN_CASE)
    PATH = ("BC302", Severity.WARNING, "More than an origin: never matches",
        _BEHIND_HOST, Cause.ORIGIN_PATH)
    TRAILING_SLASH = ("BC303", Severity.WARNING, "Trailing slash: never matches",
        _SLASH, Cause.ORIGIN_TRAILING_SLASH)
    DEFAULT_PORT = ("BC304", Severity.WARNING, "Default port: never matches",
        ":(?:80|443)(?![0-9])", Cause.ORIGIN_DEFAULT_PORT)
    NOT_PUNYCODE = ("BC305", Severity.WARNING, "Not in its xn-- form: never matches",
        _BEYOND_ASCII, Cause.ORIGIN_IDN)
    INVISIBLE_CHARACTER = ("BC306", Severity.WARNING, "Invisible character",
        _INVISIBLE, Cause.ORIGIN_INVISIBLE_CHARACTER)
    LOOKALIKE = ("BC307", Severity.WARNING, "Lookalike letters",
        _BEYOND_ASCII, Cause.ORIGIN_LOOKALIKE)
    NO_SCHEME = ("BC308", Severity.WARNING, "No scheme: never matches", "^.",
        "an origin has no scheme; browsers always send one",
        "start it with `https://`")
    FITS_NOTHING = ("BC309", Severity.WARNING, "Matches nothing", _ALL,
        "a value matches no possible origin",
        "write `scheme://host` or `scheme://host:port`, or delete it")
    UNDERSCORE = ("BC310", Severity.WARNING, "Underscore in a header name", "_(?:.*_)?",
        "a header name contains an underscore; many servers drop such headers",
        "write `-` in the rule and in the page")
    LONG_MAX_AGE = ("BC311", Severity.ADVICE, "Longer than browsers keep it", _ALL,
        "a max-age is longer than browsers keep it",
        "write 7200 or less")
    ETAG_NOT_EXPOSED = ("BC312", Severity.WARNING, "ETag not readable after uploads", _ALL,
        "PUT or POST is allowed, but ETag is not exposed",
        "add ETag to ExposeHeader")
    NO_ALLOWED_HEADER = ("BC313", Severity.WARNING, "Uploads without any header", _ALL,
        "PUT is allowed, but no header with it",
        "add the headers that the page sends to AllowedHeader, such as authorization, "
        "content-type and x-cos-*")
    REFUSED_VALUE = ("BC314", Severity.WARNING, "Rejected by the API", _ALL,
        "the API rejects a value",
        "correct the value, or delete it")
    REFUSED_RULES = ("BC315", Severity.WARNING, "Rules rejected by the API", _ALL,
        "the API rejects the rules",
        "correct what the finding names")
    # fmt: on

    def span(self, value: str) -> tuple[int, int]:
        """Where the part of a value begins and ends that this is about."""
        found = self._mark.search(value)
        return found.span() if found and found[0] else (0, len(value))
