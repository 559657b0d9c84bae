"""What a browser, or what runs in it, complains about."""

from enum import StrEnum
from typing import Final


class Said(StrEnum):
    """What a browser complains about."""

    NO_ALLOW_ORIGIN = "no Access-Control-Allow-Origin"
    OTHER_ORIGIN = "Access-Control-Allow-Origin with another value"
    SEVERAL_ORIGINS = "several values of Access-Control-Allow-Origin"
    WILDCARD = "Access-Control-Allow-Origin * with credentials"
    NO_CREDENTIALS = "no Access-Control-Allow-Credentials: true"
    METHOD = "method not in Access-Control-Allow-Methods"
    HEADER = "header not in Access-Control-Allow-Headers"
    STATUS = "status of the preflight"
    REDIRECT = "redirect of the preflight"
    BAD_LIST = "a header that is not a list"
    UNEXPOSED = "header not in Access-Control-Expose-Headers"
    NOT_HTTP = "a page or an address that is not http"
    LOCAL_NETWORK = "local network access"
    PRIVATE_PREFLIGHT = "no Access-Control-Allow-Private-Network"
    NO_RESPONSE = "no response, or one that something else than CORS stopped"
    USER_INFO = "a redirect to an address with a user name"
    TAINTED = "a picture, video or sound that was loaded without CORS"
    INTEGRITY_WITHOUT_CORS = "an integrity attribute on what is loaded without CORS"
    INTEGRITY = "content that differs from the integrity attribute"
    OPAQUE = "a response that was loaded without CORS"
    RESOURCE_POLICY = "Cross-Origin-Resource-Policy"
    SAME_ORIGIN_ONLY = "what only pages of the same origin may do"
    MODE = "the mode of a fetch, which rules CORS out"
    BAD_FONT = "a font that is none"
    UNNAMED = "stopped for a reason that is not named"


#: What no rules can change: it is stopped before CORS decides, or for another reason.
BEYOND_RULES: Final = frozenset(
    {
        Said.LOCAL_NETWORK,
        Said.PRIVATE_PREFLIGHT,
        Said.NO_RESPONSE,
        Said.USER_INFO,
        Said.TAINTED,
        Said.INTEGRITY_WITHOUT_CORS,
        Said.INTEGRITY,
        Said.OPAQUE,
        Said.RESOURCE_POLICY,
        Said.SAME_ORIGIN_ONLY,
        Said.MODE,
        Said.BAD_FONT,
    }
)
