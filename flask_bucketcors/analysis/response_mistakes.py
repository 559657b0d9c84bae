"""The kinds of mistakes that ``check`` finds in responses: a row for each, as in ``mistakes.py``.

A value that misspells the page's origin, or a method, is one of the causes there.
"""

from enum import StrEnum

from flask_bucketcors.core.headers import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    EXPOSE_HEADERS,
    MAX_AGE,
    VARY,
)


class Level(StrEnum):
    """What a mistake does.

    ``BLOCKS``: the browser keeps the response from the page. ``WARNING``: it does not, but the
    server is set up wrongly, and other requests may fail. ``ADVICE``: nothing fails.
    """

    BLOCKS = "blocks"
    WARNING = "warning"
    ADVICE = "advice"


class ResponseMistake(StrEnum):
    """What is wrong with a response, or why there is none. Ids are stable.

    Each has a ``level``, the ``header`` that decides (``""`` if none does), a ``meaning`` and a
    ``help``; ``{value}`` in them stands for the status, method or header name that failed.
    """

    level: Level
    header: str
    meaning: str
    help: str

    def __new__(
        cls, value: str, level: Level, header: str, meaning: str, help: str
    ) -> "ResponseMistake":
        """Make a member of its row."""
        mistake = str.__new__(cls, value)
        mistake._value_ = value
        mistake.level, mistake.header = level, header
        mistake.meaning, mistake.help = meaning, help
        return mistake

    # A table: each row in as few lines as it takes.
    # fmt: off
    SAME_ORIGIN = ("same_origin", Level.ADVICE, "",
        "the URL has the page's own origin, so no CORS is involved",
        "pass the origin of the page that fails, as its browser's address bar shows it")
    MIXED_CONTENT = ("mixed_content", Level.BLOCKS, "",
        "browsers block http requests of https pages",
        "serve the address over https")
    NO_SUCH_HOST = ("no_such_host", Level.BLOCKS, "",
        "the host does not resolve",
        "check the spelling of the bucket, the region and the domain in it")
    CLOSED_PORT = ("closed_port", Level.BLOCKS, "",
        "the connection is refused",
        "check the port in the URL, and that the server is running")
    SPEAKS_HTTP = ("speaks_http", Level.BLOCKS, "",
        "the server speaks plain HTTP on this port, and the URL says https",
        "write http://, or the port that speaks TLS")
    SPEAKS_TLS = ("speaks_tls", Level.BLOCKS, "",
        "the server speaks TLS on this port, and the URL says http",
        "write https://")
    CERTIFICATE = ("certificate", Level.BLOCKS, "",
        "the certificate is refused: {value}",
        "correct the certificate; browsers refuse it, too")
    UNREACHABLE = ("unreachable", Level.BLOCKS, "",
        "the server sends no response",
        "check the address, and that the server is running")
    WEB_CONSOLE = ("web_console", Level.BLOCKS, "",
        "this is the address of a web console, which is for people",
        "write the address of the object, as the API or an SDK uses it; MinIO's API has another "
        "port than its console, 9000 if nothing else is set")
    LOGIN_PAGE = ("login_page", Level.BLOCKS, "",
        "the server wants a login first, and scripts cannot log in",
        "let the URL respond without the login page, or write the address of the API")
    WEB_PAGE = ("web_page", Level.BLOCKS, "",
        "the response is a web page that no storage sent",
        "check the host, the port and the path of the URL")
    AUTH_BEFORE_CORS = ("auth_before_cors", Level.BLOCKS, "",
        "the server checks who sends the request before CORS, and preflights carry neither a "
        "signature nor cookies",
        "let OPTIONS pass without a signature or a login; some servers also say this of a bucket "
        "without CORS rules, so check that it has some")
    REDIRECTED = ("redirected", Level.BLOCKS, "Location",
        "the response to the preflight is a redirect, which browsers do not follow",
        "let the page request the final address; check http or https, the region, a slash at the "
        "end")
    REDIRECT_TARGET = ("redirect_target", Level.BLOCKS, "Location",
        "the redirect leads to an address that is not http or https",
        "redirect to an http or https address")
    REDIRECT_USER_NAME = ("redirect_user_name", Level.BLOCKS, "Location",
        "the redirect leads to an address with a user name, which browsers do not follow across "
        "origins",
        "redirect to an address without one")
    REDIRECT_LIMIT = ("redirect_limit", Level.BLOCKS, "Location",
        "there are more than 20 redirects, perhaps in a circle",
        "let the page request the final address")
    LOCAL_NETWORK = ("local_network", Level.BLOCKS, "Location",
        "the redirect leads from a public host to a local one, which browsers ask about or block; "
        "it was not followed",
        "redirect to a public address")
    NO_ALLOW_ORIGIN = ("no_allow_origin", Level.BLOCKS, ALLOW_ORIGIN,
        f"the response has no {ALLOW_ORIGIN}",
        "add a rule for the page's origin, unless another line says what else refused the request "
        "or sent the response")
    NO_ALLOW_ORIGIN_HERE = ("redirect_no_allow_origin", Level.BLOCKS, ALLOW_ORIGIN,
        f"the redirect itself has no {ALLOW_ORIGIN}, so the browser does not follow it",
        "let the redirect carry the header, or let the page request the final address")
    ORIGIN_LOST = ("origin_lost", Level.BLOCKS, ALLOW_ORIGIN,
        "after a redirect from one foreign origin to another, the browser sends Origin: null, and "
        "this response does not allow null",
        "let the page request the final address; for public data, allow *")
    SEVERAL_ORIGINS = ("duplicate_headers", Level.BLOCKS, ALLOW_ORIGIN,
        f"the response has {ALLOW_ORIGIN} more than once, and a browser accepts one",
        "let the rules set it, and remove it from the application or proxy")
    ORIGIN_LIST = ("origin_list", Level.BLOCKS, ALLOW_ORIGIN,
        "the value lists several origins, and a browser accepts one",
        "send only the page's origin, and Vary: Origin")
    ORIGIN_EMPTY = ("origin_empty", Level.BLOCKS, ALLOW_ORIGIN,
        "the value is empty",
        "send the page's origin")
    ORIGIN_QUOTED = ("origin_quoted", Level.BLOCKS, ALLOW_ORIGIN,
        "the value is in quotes or brackets, which browsers compare, too",
        "write the origin without them")
    ORIGIN_STAR_INSIDE = ("origin_star_inside", Level.BLOCKS, ALLOW_ORIGIN,
        "the value is a pattern, and browsers know no * but one that stands alone",
        "compare the pattern on the server, and send the page's origin")
    ORIGIN_PLACEHOLDER = ("origin_placeholder", Level.BLOCKS, ALLOW_ORIGIN,
        "the value is a variable that nothing has filled in, or its empty content",
        "correct the server's configuration, so that it sends the page's origin")
    ORIGIN_SENT_NULL = ("origin_sent_null", Level.BLOCKS, ALLOW_ORIGIN,
        "the value is null, which allows pages without an origin and no other",
        "send the page's origin")
    OTHER_ORIGIN = ("other_origin", Level.BLOCKS, ALLOW_ORIGIN,
        "the value is another origin than the page's: a cache stored the response to another page, "
        "or the server sends a fixed value",
        "send the page's origin, and Vary: Origin")
    CREDENTIALS_WILDCARD = ("credentials_wildcard", Level.BLOCKS, ALLOW_ORIGIN,
        "a browser rejects * with credentials",
        "name the origin in a rule without *")
    CREDENTIALS_MISSING = ("credentials_missing", Level.BLOCKS, ALLOW_CREDENTIALS,
        f"with credentials the response needs {ALLOW_CREDENTIALS}: true, once",
        "name the origin in a rule without *, or send no credentials")
    CREDENTIALS_VALUE = ("credentials_value", Level.BLOCKS, ALLOW_CREDENTIALS,
        "only the exact word true counts, once, in lower case and without quotes",
        f"write {ALLOW_CREDENTIALS}: true, or leave the header out")
    STATUS = ("status", Level.BLOCKS, "",
        "the status of the preflight is {value}",
        "a browser expects 200 to 299. Correct what refuses it, or let the server respond to "
        "OPTIONS")
    METHOD_MISSING = ("method_missing", Level.BLOCKS, ALLOW_METHODS,
        "the methods do not include {value}",
        "add it to the rule as an AllowedMethod")
    METHODS_QUOTED = ("methods_quoted", Level.BLOCKS, ALLOW_METHODS,
        "the methods are in quotes or brackets",
        "write them without: GET, PUT")
    METHODS_SEPARATED = ("methods_separated", Level.BLOCKS, ALLOW_METHODS,
        "the methods are separated by something else than commas",
        "write commas: GET, PUT")
    METHODS_STAR = ("methods_star", Level.BLOCKS, ALLOW_METHODS,
        "with credentials, * is no method but a name",
        "list the methods")
    METHODS_NO_LIST = ("methods_no_list", Level.BLOCKS, ALLOW_METHODS,
        "the value is not a list of methods, so a browser allows none of them",
        "write GET, PUT")
    HEADER_MISSING = ("header_missing", Level.BLOCKS, ALLOW_HEADERS,
        "the headers do not include {value}",
        "add it to the rule as an AllowedHeader")
    HEADERS_QUOTED = ("headers_quoted", Level.BLOCKS, ALLOW_HEADERS,
        "the names of headers are in quotes or brackets",
        "write them without: content-type, x-a")
    HEADERS_SEPARATED = ("headers_separated", Level.BLOCKS, ALLOW_HEADERS,
        "the names of headers are separated by something else than commas",
        "write commas: content-type, x-a")
    HEADERS_STAR = ("headers_star", Level.BLOCKS, ALLOW_HEADERS,
        "with credentials, * is no pattern but a name",
        "list the headers")
    HEADERS_STAR_AUTHORIZATION = ("headers_star_authorization", Level.BLOCKS, ALLOW_HEADERS,
        "* does not cover Authorization",
        "list authorization beside it")
    HEADERS_PATTERN = ("headers_pattern", Level.BLOCKS, ALLOW_HEADERS,
        "the names contain a pattern that covers {value}, and browsers know no * but one that "
        "stands alone",
        "list the names that the preflight requests")
    HEADERS_NO_LIST = ("headers_no_list", Level.BLOCKS, ALLOW_HEADERS,
        "the value is not a list of names, so a browser allows none of them",
        "write content-type, x-a")
    EXPOSE_STAR = ("expose_star", Level.WARNING, EXPOSE_HEADERS,
        "with credentials, * exposes no header",
        "list the headers that the page reads")
    EXPOSE_QUOTED = ("expose_quoted", Level.WARNING, EXPOSE_HEADERS,
        "the names of headers are in quotes or brackets, so a browser exposes none of them",
        "write them without: ETag, x-a")
    EXPOSE_SEPARATED = ("expose_separated", Level.WARNING, EXPOSE_HEADERS,
        "the names of headers are separated by something else than commas",
        "write commas: ETag, x-a")
    EXPOSE_NO_LIST = ("expose_no_list", Level.WARNING, EXPOSE_HEADERS,
        "the value is not a list of names, so a browser exposes none of them",
        "write ETag, x-a")
    MAX_AGE_NO_NUMBER = ("max_age_no_number", Level.WARNING, MAX_AGE,
        "the value is not a number of seconds, so browsers keep the result for 5 seconds",
        "write digits only, such as 600")
    MAX_AGE_NEGATIVE = ("max_age_negative", Level.WARNING, MAX_AGE,
        "the value is negative, and browsers send a preflight before each request",
        "write 0 if you want that, or a number of seconds")
    MAX_AGE_LONG = ("max_age_long", Level.ADVICE, MAX_AGE,
        "Chromium keeps the result for 7200 seconds at most, and Firefox for 86400",
        "write 7200 or less")
    VARY_MISSING = ("vary_missing", Level.WARNING, VARY,
        "the response names the origin without Vary: Origin, so a cache may use it for another "
        "page",
        "let the server send Vary: Origin")
    HEADER_MISSPELLED = ("header_misspelled", Level.WARNING, "",
        "browsers ignore {value}",
        "write the name of the header as the Fetch standard has it")
    META_ELEMENT = ("meta_element", Level.WARNING, "",
        "the page has CORS headers in a meta element, where browsers ignore them",
        "let the server send them")
    IN_FRONT = ("in_front", Level.WARNING, "",
        "something in front of the storage may have sent the response",
        "let it forward OPTIONS and Origin")
    NO_BUCKET = ("no_bucket", Level.WARNING, "",
        "the URL is not one of the bucket: {value}",
        "check the path of the URL; `flask bucketcors routes` lists the URLs of buckets, as the "
        "application sees them")
    CDN_OPTIONS = ("cdn_options", Level.WARNING, "",
        "the origin server allows the preflight, and the CDN does not pass it on",
        "let the CDN forward OPTIONS with Origin and the Access-Control-Request headers")
    CDN_ORIGIN_DROPPED = ("cdn_origin_dropped", Level.WARNING, "",
        "the origin server allows the page, and the response of the CDN does not, even where "
        "nothing was cached",
        "let the CDN forward Origin and pass on the Access-Control headers, or set up CORS in the "
        "CDN")
    CDN_CACHED_PLAIN = ("cdn_cached_plain", Level.WARNING, "",
        "the CDN gives pages the response that it cached for a request without Origin",
        "add Origin to the cache key of the CDN and clear its cache, or set up CORS in the CDN")
    CDN_CACHED_OTHER = ("cdn_cached_other", Level.WARNING, "",
        "the CDN gives a page the response that it cached for another origin",
        "add Origin to the cache key of the CDN and clear its cache, or allow * for public data")
    CDN_DOUBLES = ("cdn_doubles", Level.WARNING, "",
        "the CDN adds a header that the origin server sends already",
        "set up CORS in one of the two")
    CDN_DIFFERS = ("cdn_differs", Level.WARNING, "",
        "the origin server allows the page, and the CDN does not",
        "compare the two responses, and correct the CDN")
    ORIGIN_SERVER_REFUSES = ("origin_server_refuses", Level.ADVICE, "",
        "the CDN allows the page, and the origin server does not: the CDN has CORS headers of its "
        "own, or cached a response",
        "set up CORS on the origin server, too, if pages use it directly")
    ORIGIN_SERVER_SILENT = ("origin_server_silent", Level.WARNING, "",
        "the origin server sends no response, so nothing is known of which of the two is at fault",
        "check its address, and run the command where the origin server can be reached: many "
        "respond to their CDN alone")
    BOTH_REFUSE = ("both_refuse", Level.WARNING, "",
        "the origin server refuses the page, too, so the CDN is not at fault",
        "correct the rules of the origin server first")
    # fmt: on

    def text(self, value: str = "") -> str:
        """What is wrong and what to do."""
        return f"{self.meaning}: {self.help}".replace("{value}", value)
