"""The errors of the store, with the codes and statuses of Tencent COS (document 436/7730).

COS documents the messages of a few codes only. The other messages here say what is wrong and what
to send instead.
"""

#: The status and the message of each error code.
ERRORS: dict[str, tuple[int, str]] = {
    "AccessDenied": (403, "Access Denied."),
    "BadDigest": (400, "The Content-MD5 you specified did not match what we received."),
    "BucketAlreadyOwnedByYou": (
        409,
        "You have this bucket already; use it or choose another name.",
    ),
    "BucketNotEmpty": (
        409,
        "The bucket is not empty; delete its objects and abort its multipart uploads first.",
    ),
    "EntityTooLarge": (400, "The body is larger than this server accepts; send a smaller one."),
    "EntityTooSmall": (400, "The file is smaller than the policy allows; send a larger one."),
    "FileAlreadyExists": (
        409,
        "The object exists; choose another key, or allow the request to replace it.",
    ),
    "IncompleteBody": (400, "The body is incomplete; send as many bytes as announced."),
    "InternalError": (500, "The server failed; its log has the reason. Try again later."),
    "InvalidAccessKeyId": (403, "The Access Key Id you specified does not exist."),
    "InvalidArgument": (400, "A parameter or header has a value that is not allowed."),
    "InvalidBucketName": (
        400,
        "A bucket is named NAME-APPID in lower-case letters, digits and hyphens, at most 63"
        " characters; write for example examplebucket-1250000000.",
    ),
    "InvalidDigest": (400, "Content-MD5 must be the base64 of the 16 bytes of an MD5 digest."),
    "InvalidPart": (
        400,
        "A part is missing, has another ETag or leaves a gap; list the parts, and send their"
        " numbers and ETags.",
    ),
    "InvalidPartOrder": (400, "List each part once, in the order of the part numbers."),
    "InvalidPolicyDocument": (
        400,
        "The policy must be the base64 of a JSON object with expiration and conditions.",
    ),
    "InvalidRange": (416, "Request one range of bytes that is within the object."),
    "InvalidRequest": (400, "The server does not understand the request."),
    "InvalidURI": (400, "The path is not UTF-8; percent-encode the bytes of its UTF-8 form."),
    "KeyTooLong": (400, "An object key is at most 850 bytes of UTF-8; send a shorter one."),
    "MalformedPOSTRequest": (
        400,
        "The body is not well-formed multipart/form-data; send it as an HTML form does.",
    ),
    "MalformedXML": (400, "The body is not the XML document that this request needs."),
    "MaxPostPreDataLengthExceededError": (
        400,
        "The form fields before the file are too large; shorten them.",
    ),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "MissingContentLength": (
        411,
        "Send the body with a Content-Length; this server does not decode chunks.",
    ),
    "NoSuchBucket": (404, "The specified bucket does not exist."),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchUpload": (
        404,
        "The multipart upload does not exist; it may be completed or aborted. Start another.",
    ),
    "NotImplemented": (501, "The server does not implement what the request needs."),
    "PreconditionFailed": (412, "A precondition of the request does not hold."),
    "RequestTimeTooSkewed": (
        403,
        "The signature starts more than 15 minutes from now; correct the client's clock.",
    ),
    "SignatureDoesNotMatch": (403, "The Signature you specified is invalid."),
}


class StorageError(Exception):
    """A request that is refused.

    :param code: one of :data:`ERRORS`.
    :param message: replaces the usual message of the code.
    """

    def __init__(self, code: str, message: str | None = None) -> None:
        self.code = code
        self.status, usual = ERRORS[code]
        self.message = message or usual
        super().__init__(f"{code}: {self.message}")
