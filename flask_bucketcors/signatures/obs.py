"""The request signature of Huawei Cloud OBS (API reference, obs_04_0010 and obs_04_0011).

It is the one of :mod:`flask_bucketcors.signatures.v2` under the names of OBS, header
and query. The list of sub-resources is that of obs_04_0010 and of the SDK
(esdk-obs-python 3.26.6, ``obs/const.py``). The SDKs sign with ``AWS`` (S3 V2) or
``AWS4-HMAC-SHA256`` (S3 V4) as well; those are S3's schemes in every respect.
"""

from typing import Final

from flask_bucketcors.signatures.scheme import Scheme
from flask_bucketcors.signatures.v2 import Vendor

_SUB_RESOURCES: Final = """
    CDNNotifyConfiguration acl append attname backtosource bucketstatus cors customdomain delete
    deletebucket directcoldaccess disPolicy encryption fileinterface inventory length lifecycle
    location logging metadata modify name notification object-lock obsalias obsbucketalias
    obscompresspolicy obsworkflowtriggerpolicy orchestration partNumber policy policyStatus
    position publicAccessBlock quota rename replication requestPayment response-cache-control
    response-content-disposition response-content-encoding response-content-language
    response-content-type response-expires restore retention select storageClass storagePolicy
    storageinfo tagging torrent truncate uploadId uploads versionId versioning versions website
    x-image-process x-image-save-bucket x-image-save-object x-oss-process
"""

OBS: Final[Scheme] = Vendor(
    dialect="obs",
    name="OBS",
    prefix="x-obs-",
    key_parameter="AccessKeyId",
    token_names=("x-obs-security-token",),
    sub_resources=frozenset(_SUB_RESOURCES.split()),
    signs_prefixed=True,
    moved_header=None,
    encodes_path=True,
    repeats_date=False,
    malformed="The Authorization header must be OBS AccessKeyID:Signature.",
    dateless="OBS authentication requires a valid Date or x-obs-date header",
    expired="Request has expired",
).scheme
