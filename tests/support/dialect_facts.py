"""What each vendor puts on the wire, as its documents have it or as it was recorded.

Nothing here comes from the package: the tests compare its dialects with these facts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, NamedTuple
from xml.etree import ElementTree

ORIGIN = "https://a.test"
Elements = list[tuple[str, str]]


@dataclass(frozen=True)
class Manner:
    """How one vendor writes its responses, and what decides about an actual request."""

    separator: str
    allow_headers: Literal["of the rule", "as asked", "as asked, in lower case"]
    actual_in_full: bool = False
    judges_by_requested: bool = False
    vary_on_match: str | None = None


class Refused(NamedTuple):
    """A refusal, and the elements of its document; they have the names of S3, COS and OSS."""

    status: int
    code: str
    message: str
    elements: tuple[str, ...]


class Vary(NamedTuple):
    """Vary of an allowed preflight and actual request, and of those that are not allowed."""

    preflight: str | None
    actual: str | None
    refused_preflight: str | None
    refused_actual: str | None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One vendor's way.

    :param ids: the headers that identify a response; ``error_ids`` those that identify an error.
    :param allowed_preflight: the headers for :data:`ORIGIN` that requests two headers of the
        rules of ``test_dialects``; ``unasked`` is Allow-Headers where it requests none.
    :param allowed_actual: the headers for an actual request.
    :param vary: by the setting.
    :param limits: rules and bytes of a document; ``too_many`` is the code and text of an error
        for more rules, ``too_large`` the code for more bytes.
    :param shown: gives GET's document, made of the lines that COS has.
    :param shown_vary: GET's line for a ResponseVary that is None, False or True.
    :param error: an error document with these elements.
    :param error_elements: those of most errors.
    :param preflights: how preflights are refused, by situation.
    """

    manner: Manner
    ids: tuple[str, ...]
    error_ids: tuple[str, ...]
    allowed_preflight: Mapping[str, str]
    allowed_actual: Mapping[str, str]
    unasked: str | None = None
    vary: Mapping[str, Vary]
    limits: tuple[int, int]
    too_many: tuple[str, str]
    too_large: str = "XMLSizeLimit"
    content_type: str = "application/xml"
    shown: Callable[[str], str]
    shown_vary: Mapping[bool | None, str]
    error_content_type: str = "application/xml"
    error: Callable[[Elements], bytes]
    error_elements: tuple[str, ...]
    preflights: Mapping[str, Refused]
    no_rules: Refused
    no_bucket: Refused


def read_xml_error(document: bytes) -> Elements:
    """Give the elements of an error document, in order."""
    return [(each.tag, each.text or "") for each in ElementTree.fromstring(document)]


#: Reads an error document, by its content type.
READERS: dict[str, Callable[[bytes], Elements]] = {"application/xml": read_xml_error}


def xml_error(declaration: str, before: str, end: str, elements: Elements) -> bytes:
    """Write an error document.

    :param before: what stands before each element, and ``end`` before the end of the root.
    """
    inner = "".join(f"{before}<{name}>{text}</{name}>" for name, text in elements)
    return f"{declaration}\n<Error>{inner}{end}</Error>".encode()


XML = '<?xml version="1.0" encoding="UTF-8"?>'
COS_XML = "<?xml version='1.0' encoding='utf-8' ?>"
ID_LINE = "\t\t<ID>one &amp; &apos;all&apos;</ID>\n"
S3_ROOT = '<CORSConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
VARY_LINE = "\n\t<ResponseVary>{}</ResponseVary>"
SHOWN_FALSE, SHOWN_TRUE = VARY_LINE.format("false"), VARY_LINE.format("true")


def shown_by_cos(text: str) -> str:
    return f"{COS_XML}\n{text}"


def shown_by_oss(text: str) -> str:
    return f"{XML}\n{text.replace(ID_LINE, '').replace(chr(9), '  ')}"


def shown_by_s3(text: str) -> str:
    line = text.replace("\n", "").replace("\t", "")
    return f"{XML}\n{line.replace('<CORSConfiguration>', S3_ROOT)}"


EVERY_NAME = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
S3_NAMES = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
NAMED = {
    "Access-Control-Allow-Origin": ORIGIN,
    "Access-Control-Allow-Credentials": "true",
}
BARE = {**NAMED, "Access-Control-Expose-Headers": "ETag,X-Own"}
SPACED = {**NAMED, "Access-Control-Expose-Headers": "ETag, X-Own"}
FULL = {**SPACED, "Access-Control-Allow-Methods": "GET, PUT", "Access-Control-Max-Age": "600"}
# The rules of the tests say ResponseVary, which S3 does not know.
BY_RESPONSE_VARY = {
    "safe": Vary(EVERY_NAME, "Origin", EVERY_NAME, "Origin"),
    "vendor": Vary("Origin", "Origin", "Origin", "Origin"),
}

#: In which a preflight is refused.
SITUATIONS = (
    "another origin",
    "another method",
    "another header",
    "the bucket itself",
    "no rules",
    "no such bucket",
    "no rules, no method",
    "no origin",
    "no rules, no origin",
    "no method",
    "a method for no rule",
    "what is no method",
    "what is no header",
    "no origin that fits, and what is no header",
)
NOT_ALLOWED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of "
    "Origin, request method / Access-Control-Request-Method or Access-Control-{} are not "
    "whitelisted by the resource&apos;s CORS spec"
)
NOT_ENABLED = "CORSResponse: CORS is not enabled for this bucket."
WITHOUT_RULES = ("no rules", "no such bucket", "no rules, no method")

COS_ELEMENTS = ("Code", "Message", "Resource", "RequestId", "TraceId")
COS = Facts(
    # The samples of "OPTIONS Object".
    manner=Manner(",", "of the rule"),
    ids=("x-cos-request-id",),
    error_ids=("x-cos-request-id", "x-cos-trace-id"),
    allowed_preflight={
        **BARE,
        "Access-Control-Allow-Headers": "x-meta-a,x-b-one",
        "Access-Control-Allow-Methods": "GET,PUT",
        "Access-Control-Max-Age": "600",
    },
    allowed_actual=BARE,
    unasked="x-meta-a",
    vary=BY_RESPONSE_VARY,
    limits=(100, 65536),
    too_many=("InvalidArgument", "CORSRule {count} is more rules than allowed; combine"),
    shown=shown_by_cos,
    shown_vary={None: "", False: SHOWN_FALSE, True: SHOWN_TRUE},
    error=partial(xml_error, COS_XML, "\n\t", "\n"),
    error_elements=COS_ELEMENTS,
    preflights=dict.fromkeys(
        SITUATIONS,
        Refused(403, "AccessForbidden", NOT_ALLOWED.format("Requet-Headers"), COS_ELEMENTS),
    ),
    no_rules=Refused(
        404, "NoSuchCORSConfiguration", "The CORS configuration does not exist.", COS_ELEMENTS
    ),
    no_bucket=Refused(404, "NoSuchBucket", "The specified bucket does not exist.", COS_ELEMENTS),
)

OSS_ELEMENTS = ("Code", "Message", "RequestId", "HostId")
OSS = Facts(
    # What ossutil prints.
    manner=Manner(", ", "as asked"),
    ids=("x-oss-request-id",),
    error_ids=("x-oss-request-id",),
    allowed_preflight={**FULL, "Access-Control-Allow-Headers": "X-B-One, x-meta-a"},
    allowed_actual=SPACED,
    vary=BY_RESPONSE_VARY,
    limits=(10, 16384),
    too_many=("InvalidArgument", "CORSRule {count} is more rules than allowed; combine"),
    shown=shown_by_oss,
    shown_vary={None: SHOWN_FALSE, False: SHOWN_FALSE, True: SHOWN_TRUE},
    error=partial(xml_error, XML, "\n  ", "\n"),
    error_elements=OSS_ELEMENTS,
    preflights={
        **dict.fromkeys(
            SITUATIONS,
            Refused(
                403, "AccessForbidden", NOT_ALLOWED.format("Requet-Headers") + ".", OSS_ELEMENTS
            ),
        ),
        **dict.fromkeys(WITHOUT_RULES, Refused(403, "AccessForbidden", NOT_ENABLED, OSS_ELEMENTS)),
    },
    no_rules=Refused(
        404,
        "NoSuchCORSConfiguration",
        "The CORS Configuration does not exist.",
        (*OSS_ELEMENTS, "EC", "RecommendDoc"),
    ),
    no_bucket=Refused(404, "NoSuchBucket", "The specified bucket does not exist.", OSS_ELEMENTS),
)

S3_ELEMENTS = ("Code", "Message", "RequestId", "HostId")
OF_PREFLIGHT = ("Code", "Message", "Method", "ResourceType", "RequestId", "HostId")
OF_BUCKET = ("Code", "Message", "BucketName", "RequestId", "HostId")


def bad_request(message: str) -> Refused:
    return Refused(400, "BadRequest", message, S3_ELEMENTS)


S3_REFUSED = Refused(
    403, "AccessForbidden", NOT_ALLOWED.format("Request-Headers") + ".", OF_PREFLIGHT
)
NO_ORIGIN = bad_request("Insufficient information. Origin request header needed.")
INVALID_METHOD = "Invalid Access-Control-Request-Method: "
S3 = Facts(
    # Recorded responses of S3.
    manner=Manner(
        ", ",
        "as asked, in lower case",
        actual_in_full=True,
        judges_by_requested=True,
        vary_on_match=S3_NAMES,
    ),
    ids=("x-amz-request-id", "x-amz-id-2"),
    error_ids=("x-amz-request-id", "x-amz-id-2"),
    allowed_preflight={**FULL, "Access-Control-Allow-Headers": "x-b-one, x-meta-a"},
    allowed_actual=FULL,
    vary={
        "safe": Vary(EVERY_NAME, S3_NAMES, EVERY_NAME, S3_NAMES),
        "vendor": Vary(S3_NAMES, S3_NAMES, None, None),
    },
    limits=(100, 65536),
    too_many=(
        "InvalidRequest",
        "The number of CORS rules should not exceed allowed limit of {limit} rules.",
    ),
    too_large="MalformedXML",
    shown=shown_by_s3,
    shown_vary=dict.fromkeys((None, False, True), ""),
    error=partial(xml_error, XML, "", ""),
    error_elements=S3_ELEMENTS,
    preflights={
        **dict.fromkeys(SITUATIONS, S3_REFUSED),
        **dict.fromkeys(WITHOUT_RULES, Refused(403, "AccessForbidden", NOT_ENABLED, OF_PREFLIGHT)),
        "no origin": NO_ORIGIN,
        "no rules, no origin": NO_ORIGIN,
        "no method": bad_request(f"{INVALID_METHOD}null"),
        "a method for no rule": bad_request(f"{INVALID_METHOD}PATCH"),
        "what is no method": bad_request(f"{INVALID_METHOD}?"),
        "what is no header": bad_request(
            "Access-Control-Request-Headers contains invalid character."
        ),
    },
    no_rules=Refused(
        404, "NoSuchCORSConfiguration", "The CORS configuration does not exist", OF_BUCKET
    ),
    no_bucket=Refused(404, "NoSuchBucket", "The specified bucket does not exist", OF_BUCKET),
)

OBS_IDS = ("x-obs-request-id", "x-obs-id-2")
# OBS differs from S3 by its ids alone.
FACTS = {"cos": COS, "oss": OSS, "s3": S3, "obs": replace(S3, ids=OBS_IDS, error_ids=OBS_IDS)}
