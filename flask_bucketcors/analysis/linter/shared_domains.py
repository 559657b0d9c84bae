"""Domains below which a vendor gives names to its customers, whether or not a list has them.

From the vendors' pages about endpoints and static websites, November 2026: Tencent COS "Regions
and access endpoints", Alibaba Cloud OSS "Regions and endpoints", Huawei OBS "Endpoints", AWS
"Amazon S3 endpoints and quotas", Cloudflare R2 "Public buckets", Azure Storage "Static website
hosting", Google Cloud Storage "Request endpoints", Backblaze B2 "S3-compatible API".
"""

import re
from typing import Final

from flask_bucketcors.core.hosts import PublicSuffix

_REGION: Final = "{region}"
# A customer's name stands directly below each of them.
_SHARED: Final = (
    # Tencent
    "cos.{region}.myqcloud.com",
    "cos-website.{region}.myqcloud.com",
    "cos-internal.{region}.tencentcos.cn",
    "cos.{region}.tencentcos.cn",
    "cos.accelerate.myqcloud.com",
    "pic.{region}.myqcloud.com",
    "ci.{region}.myqcloud.com",
    "file.myqcloud.com",
    # Alibaba
    "oss-{region}.aliyuncs.com",
    "oss-{region}.oss-website.aliyuncs.com",
    "oss-accelerate.aliyuncs.com",
    "oss-accelerate-overseas.aliyuncs.com",
    # Huawei
    "obs.{region}.myhuaweicloud.com",
    "obs-website.{region}.myhuaweicloud.com",
    # Amazon
    "s3.amazonaws.com",
    "s3.{region}.amazonaws.com",
    "s3-{region}.amazonaws.com",
    "s3-website-{region}.amazonaws.com",
    "s3-website.{region}.amazonaws.com",
    "s3.dualstack.{region}.amazonaws.com",
    "s3-accelerate.amazonaws.com",
    "s3.{region}.amazonaws.com.cn",
    "s3-website.{region}.amazonaws.com.cn",
    "cloudfront.net",
    "amplifyapp.com",
    # Cloudflare
    "r2.dev",
    "r2.cloudflarestorage.com",
    "pages.dev",
    "workers.dev",
    # Azure
    "blob.core.windows.net",
    "{region}.web.core.windows.net",
    "azureedge.net",
    "azurewebsites.net",
    "azurestaticapps.net",
    # Google
    "storage.googleapis.com",
    "appspot.com",
    "firebaseapp.com",
    "web.app",
    "run.app",
    # Others
    "s3.{region}.backblazeb2.com",
    "{region}.digitaloceanspaces.com",
    "{region}.linodeobjects.com",
    "s3.{region}.wasabisys.com",
    "github.io",
    "gitlab.io",
    "netlify.app",
    "vercel.app",
)


def _with_parents(domain: str) -> set[str]:
    """The domain, and those above it: a pattern for one of these covers the names below, too."""
    labels = domain.split(".")
    return {".".join(labels[start:]) for start in range(len(labels) - 1)}


def _pattern(domain: str) -> str:
    return re.escape(domain).replace(re.escape(_REGION), "[a-z0-9-]+")


_DOMAINS: Final = set().union(*map(_with_parents, _SHARED))
# What stands before it is as short as possible, so the longest domain is found.
_SUFFIX: Final = re.compile(rf"(?:.+?\.)??({'|'.join(map(_pattern, sorted(_DOMAINS)))})")


def shared_suffix(host: str) -> str | None:
    """The domain that gives a host its name to a customer; None if it is not known.

    :param host: in lower case, without a dot at the end.
    """
    found = _SUFFIX.fullmatch(host)
    return found[1] if found else None


def with_shared_domains(public_suffix: PublicSuffix) -> PublicSuffix:
    """Give a function that knows the vendors' domains beside what another one knows."""

    def find(host: str) -> str | None:
        found, shared = public_suffix(host), shared_suffix(host)
        return shared if shared and len(shared) > len(found or "") else found

    return find
