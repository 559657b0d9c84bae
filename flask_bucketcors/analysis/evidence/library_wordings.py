"""What libraries say of a failed request when the browser tells them no reason.

A script learns of a failure by CORS no more than that there was one. Sources: the messages of the
three engines to ``fetch`` and ``XMLHttpRequest``; axios, ky and superagent; the browser's client of
Dart and dio (Flutter); React Native; Angular; Dropzone, Uppy and tus-js-client; the browser SDKs of
COS, OSS and S3.
"""

from typing import Final

HIDING: Final = (
    # Chromium, Firefox and Safari to fetch.
    r"\bFailed to fetch\b",
    r"NetworkError when attempting to fetch resource",
    r"NetworkError: A network error occurred",
    r"TypeError: Load failed|\bLoad failed\b",
    # To XMLHttpRequest.
    r"NetworkError: Failed to execute 'send' on 'XMLHttpRequest'",
    r"\bXMLHttpRequest error\b",
    r"\bXHR error \(req \"error\"\)",
    # To jQuery, in a version of the SDK of COS.
    r"\"?readyState\"?: ?0,[^\n}]{0,100}\bstatus\"?: ?0\b",
    # axios, ky, superagent, Angular, React Native.
    r"\bNetwork ?Error\b|\bERR_NETWORK\b|\bNetwork Failure\b",
    r"Network request failed",
    r"Request has been terminated",
    r"Request failed due to a network error",
    r"Http failure response for \S+ 0 Unknown Error",
    r"Http failure response for \(unknown url\)",
    r"Possible causes: the network is offline, Origin is not allowed",
    # Flutter: package:http and dio.
    r"ClientException: (?:XMLHttpRequest error|Failed to fetch|Load failed)",
    r"The connection errored|DioExceptionType\.connectionError|DioErrorType\.other",
    r"XMLHttpRequest onError callback was called",
    r"ImageCodecException: Failed to load network image",
    # Dropzone, Uppy and tus.
    r"Server responded with 0 code",
    r"This looks like a network error",
    r"tus: failed to (?:create|resume|upload chunk)[^\n]{0,200}?response code: n/a",
    # The SDKs of COS, OSS and S3.
    r"CORS blocked or network error",
    r"\bNetworkingError\b",
)
