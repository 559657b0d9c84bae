"""Ready-made rules: what usual clients need, for the origins that they run on.

Lint finds nothing in them, except that an origin is one that many pages have.

Facts:

- Requests of cos-js-sdk-v5 1.10.1, ali-oss 6.23.0 and @aws-sdk/client-s3 3.1169.0, recorded in
  Chromium; those of esdk-obs-browserjs 3.25.6, @uppy/aws-s3 6.3.1, hls.js 1.7.4, pmtiles 4.5.0
  and geotiff 3.0.5, read in their code.
- Fetch standard, "CORS-safelisted request-header": a Range of one range needs no preflight. Older
  browsers send one, as they do for several ranges.
- XMLHttpRequest standard, "send": with upload listeners there is always a preflight, even if it
  asks for no header.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from flask_bucketcors.core.rules import Rule, RuleSet
from flask_bucketcors.core.wildcards import ANY

#: Of the rules, in seconds. Browsers keep it for two hours at most.
MAX_AGE: Final = 600

_READ: Final = ("GET", "HEAD")
_ALL: Final = ("GET", "HEAD", "PUT", "POST", "DELETE")
# Of an object: what a page may set when it stores one, and ask for when it reads one.
_OBJECT: Final = (
    *("cache-control", "content-disposition", "content-encoding", "content-language"),
    *("content-md5", "content-type", "expires", "if-match", "if-none-match", "range"),
)
_RANGES: Final = ("Accept-Ranges", "Content-Length", "Content-Range", "ETag")


class ReadyMade(NamedTuple):
    """Rules for a client.

    :param purpose: what they are for.
    :param methods, headers, exposed: of the one rule.
    :param notes: what to know before using them; may be empty.
    """

    purpose: str
    methods: Sequence[str]
    headers: Sequence[str] = ()
    exposed: Sequence[str] = ()
    notes: str = ""

    def rules_for(self, origins: Sequence[str]) -> RuleSet:
        """Give the rules for some origins.

        :raises InvalidRules: if a rule may not hold one of them.
        """
        rule = Rule(origins, self.methods, self.headers, self.exposed, max_age_seconds=MAX_AGE)
        return RuleSet([rule])


def _sdk(vendor: str, package: str, prefixes: Sequence[str], ids: Sequence[str]) -> ReadyMade:
    """Rules for a vendor's SDK, which signs each request by header."""
    return ReadyMade(
        f"{vendor}'s SDK in the browser ({package})",
        _ALL,
        ("authorization", *_OBJECT, *prefixes),
        (*_RANGES, *ids),
        "They also let the page delete objects, if its credentials may.",
    )


#: The ready-made rules by name.
READY_MADE: Final = {
    "read-only": ReadyMade(
        "pages that only read objects",
        _READ,
        ("if-match", "if-none-match", "range"),
        _RANGES,
    ),
    "cos-sdk": _sdk("Tencent COS", "cos-js-sdk-v5", ("x-cos-*",), ("x-cos-request-id",)),
    "oss-sdk": _sdk("Alibaba OSS", "ali-oss", ("x-oss-*",), ("x-oss-request-id",)),
    "s3-sdk": _sdk(
        "AWS",
        "@aws-sdk/client-s3",
        ("amz-sdk-*", "x-amz-*"),
        ("x-amz-request-id", "x-amz-id-2", "x-amz-version-id"),
    ),
    "obs-sdk": _sdk(
        "Huawei OBS",
        "esdk-obs-browserjs",
        ("x-amz-*", "x-obs-*"),
        ("x-obs-request-id", "x-obs-id-2", "x-amz-request-id", "x-amz-id-2"),
    ),
    "form-upload": ReadyMade(
        "uploads by an HTML form or by plupload, with a signed policy (POST)",
        ("POST",),
        ("content-type", "x-requested-with"),
        ("ETag", "Location"),
        "A form that loads a new page needs no rules; one that a script sends does.",
    ),
    "uppy": ReadyMade(
        "Uppy's S3 plugin (@uppy/aws-s3): one request, a form, or multipart",
        ("PUT", "POST", "GET", "DELETE"),
        ("authorization", "content-type", "x-amz-*"),
        ("ETag", "Location", "x-amz-error-code"),
        "DELETE cancels a multipart upload. If Companion signs the parts, PUT and POST are enough.",
    ),
    "multipart": ReadyMade(
        "resumable and multipart uploads to pre-signed URLs",
        ("PUT", "POST", "GET", "DELETE"),
        ("content-md5", "content-type", "x-amz-*"),
        ("ETag", "Location"),
        "GET lists the parts that have arrived, and DELETE cancels an upload.",
    ),
    "fonts": ReadyMade(
        "web fonts, and other files that style sheets load",
        ("GET",),
        notes="Browsers load fonts without a preflight, so no header is allowed.",
    ),
    "video": ReadyMade(
        "video players with manifests and ranges (hls.js, dash.js, video.js, Shaka)",
        _READ,
        ("range",),
        ("Age", "Content-Length", "Content-Range", "Date", "ETag", "Retry-After"),
        "A plain <video> element needs no rules unless it has the attribute crossorigin.",
    ),
    "pmtiles": ReadyMade(
        "PMTiles in MapLibre, Leaflet and OpenLayers",
        _READ,
        ("if-match", "range"),
        ("Content-Length", "Content-Range", "ETag"),
    ),
    "ranges": ReadyMade(
        "other readers of parts of files (GeoTIFF, Zarr, Parquet, PDF.js, SQLite)",
        _READ,
        ("if-match", "if-none-match", "range"),
        (*_RANGES, "Content-Encoding", "Last-Modified"),
    ),
    "everything": ReadyMade(
        "all methods and headers, for testing",
        _ALL,
        (ANY,),
        (*_RANGES, "Location", "x-cos-request-id", "x-oss-request-id", "x-amz-request-id"),
        "Only for testing: replace these rules before other people use the bucket.",
    ),
}
