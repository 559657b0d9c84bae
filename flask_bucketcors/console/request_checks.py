"""Which requests the console refuses from anyone: those that another page may have caused.

The console often shares its origin with the objects of buckets, some of which are HTML that
anybody may upload. Browsers say what a request is for (Fetch Metadata, W3C), but only to URLs that
are trustworthy: https and loopback. So the console refuses plain http elsewhere.
"""

from typing import Final

from flask import Request

from flask_bucketcors.core.hosts import is_loopback, split_host

# A navigation of a whole window. What scripts, frames, workers and elements load is not one.
_NAVIGATION: Final = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
# It reaches the machine itself, but no specification says that it is trustworthy.
_ANY_ADDRESS: Final = "0.0.0.0"  # nosec B104 # nothing listens there
# "none" is what the person did, such as a reload.
_OWN_SITES: Final = ("same-origin", "none")


def is_trustworthy(request: Request) -> bool:
    """Whether browsers protect the console at this URL (Secure Contexts, 3.1)."""
    if request.scheme == "https":
        return True
    split = split_host(request.host)
    return split is not None and split[0] != _ANY_ADDRESS and is_loopback(split[0])


def is_navigation(request: Request) -> bool:
    """Whether a person opens the page, as far as the browser says."""
    return all(request.headers.get(name, value) == value for name, value in _NAVIGATION.items())


def comes_from_console(request: Request) -> bool:
    """Whether a form of the console was sent, as far as the browser says.

    Sec-Fetch-Site decides, because a proxy may have changed the host that Origin is compared
    with. Browsers leave it out at URLs that are not trustworthy; then Origin decides.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in _OWN_SITES
    origin = request.headers.get("Origin")
    return origin is None or origin == request.host_url.rstrip("/")
