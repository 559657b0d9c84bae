"""What Firefox prints in a language whose words are not known: the header that it names tells.

All translations of ``security.properties`` name the header of the response, the value that differs,
and the header of the request. Reasons that name no header need the words of the language.
"""

import re
from typing import Final

from flask_bucketcors.analysis.evidence.said import Said
from flask_bucketcors.core.wildcards import ANY

_LINE: Final = re.compile(r"^.*\bCORS.*$", re.MULTILINE)
# In a program, a colon would follow.
_HEADER: Final = re.compile(
    r"(['\"])Access-Control-Allow-(Origin|Methods|Headers|Credentials)\1(?! ?[:=])"
)
# An apostrophe is no quote where the header has double ones.
_QUOTED: Final = {mark: re.compile(f"{mark}([^{mark}\n]{{0,2048}}){mark}") for mark in "'\""}
# What a list that cannot be read contains, in Latin, Cyrillic, Korean and Chinese letters.
_TOKEN: Final = re.compile(
    "token|jeton|\u0442\u043e\u043a\u0435\u043d|\ud1a0\ud070|\u4ee4\u724c", re.IGNORECASE
)


def read_reason(text: str) -> tuple[Said, str, bool | None] | None:
    """Read the first line that names a header of CORS.

    :param text: with straight quotes.
    :returns: the complaint, the value that it names, and whether it is about the preflight (None
        if that is open); None if there is no such line.
    """
    for line in _LINE.finditer(text):
        if header := _HEADER.search(line[0]):
            return _reason(line[0], header)
    return None


def _reason(line: str, header: re.Match[str]) -> tuple[Said, str, bool | None]:
    mark, about = header.groups()
    behind = _QUOTED[mark].findall(line, header.end())
    if ANY in behind:
        return Said.WILDCARD, "", None
    if about == "Credentials":
        return Said.NO_CREDENTIALS, "", None
    if about == "Origin":
        other = next((each for each in behind if "://" in each), None)
        return (
            (Said.NO_ALLOW_ORIGIN, "", None) if other is None else (Said.OTHER_ORIGIN, other, None)
        )
    if _TOKEN.search(line):
        return Said.BAD_LIST, f"Access-Control-Allow-{about}", True
    if about == "Methods":
        return Said.METHOD, "", True
    before = [each for each in _QUOTED[mark].findall(line, 0, header.start()) if "://" not in each]
    names = [*before[-1:], *behind]
    return Said.HEADER, names[0] if names else "", True
