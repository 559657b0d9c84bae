"""The query parameters that the signatures of :mod:`flask_bucketcors.signatures.v2` cover.

Sources: for OSS, oss2 (2.19, ``oss2/auth.py``), alibabacloud-oss-v2 and ali-oss; for S3, the
S3 User Guide, "Signing and authenticating REST requests", and botocore (1.44, ``HmacV1Auth``),
which has ``cors``; for OBS, obs_04_0010 and esdk-obs-python (3.26.6, ``obs/const.py``).
"""

from typing import Final

_OF_OSS: Final = """
    accessPoint accessPointPolicy acl append asyncFetch bucketArchiveDirectRead bucketInfo
    callback callback-var cloudboxes cname comp continuation-token cors delete encryption
    endTime group httpsConfig img inventory inventoryId lifecycle link live location logging
    metaQuery objectInfo objectMeta partNumber policy position publicAccessBlock qos qosInfo
    qosRequester redundancyTransition referer regionList replication replicationLocation
    replicationProgress requestPayment requesterQosInfo resourceGroup resourcePool
    resourcePoolBuckets resourcePoolInfo response-cache-control response-content-disposition
    response-content-encoding response-content-language response-content-type response-expires
    restore security-token sequential startTime stat status style styleName symlink tagging
    transferAcceleration uploadId uploads versionId versioning versions vod website worm
    wormExtend wormId x-oss-ac-forward-allow x-oss-ac-source-ip x-oss-ac-subnet-mask
    x-oss-ac-vpc-id x-oss-access-point-name x-oss-async-process x-oss-process
    x-oss-redundancy-transition-taskid x-oss-request-payer x-oss-target-redundancy-type
    x-oss-traffic-limit x-oss-write-get-object-response
"""
_OF_S3: Final = """
    accelerate acl analytics cors defaultObjectAcl delete inventory lifecycle location logging
    metrics notification object-lock partNumber policy replication requestPayment
    response-cache-control response-content-disposition response-content-encoding
    response-content-language response-content-type response-expires restore select
    select-type storageClass tagging torrent uploadId uploads versionId versioning versions
    website
"""
_OF_OBS: Final = """
    CDNNotifyConfiguration acl append attname backtosource bucketstatus cors customdomain
    delete deletebucket directcoldaccess disPolicy encryption fileinterface inventory length
    lifecycle location logging metadata modify name notification object-lock obsalias
    obsbucketalias obscompresspolicy obsworkflowtriggerpolicy orchestration partNumber policy
    policyStatus position publicAccessBlock quota rename replication requestPayment
    response-cache-control response-content-disposition response-content-encoding
    response-content-language response-content-type response-expires restore retention select
    storageClass storagePolicy storageinfo tagging torrent truncate uploadId uploads versionId
    versioning versions website x-image-process x-image-save-bucket x-image-save-object
    x-oss-process
"""

OSS: Final = frozenset(_OF_OSS.split())
S3: Final = frozenset(_OF_S3.split())
OBS: Final = frozenset(_OF_OBS.split())
