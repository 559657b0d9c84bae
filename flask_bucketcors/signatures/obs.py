"""The request signature of Huawei Cloud OBS (API reference, obs_04_0010 and obs_04_0011).

It is that of :mod:`flask_bucketcors.signatures.v2`, with the names that OBS uses in header and
query. The SDKs also sign with ``AWS`` (S3 V2) or ``AWS4-HMAC-SHA256`` (S3 V4), exactly as for S3.
"""

from typing import Final

from flask_bucketcors.signatures import sub_resources
from flask_bucketcors.signatures.scheme import Scheme
from flask_bucketcors.signatures.v2 import Vendor

OBS: Final[Scheme] = Vendor(
    title="OBS",
    dialect="obs",
    name="OBS",
    prefix="x-obs-",
    key_parameter="AccessKeyId",
    token_names=("x-obs-security-token",),
    sub_resources=sub_resources.OBS,
    signs_prefixed=True,
    moved_header=None,
    encodes_path=True,
    repeats_date=False,
    malformed="The Authorization header must be OBS AccessKeyID:Signature.",
    dateless="OBS authentication requires a valid Date or x-obs-date header",
    expired="Request has expired",
).scheme
