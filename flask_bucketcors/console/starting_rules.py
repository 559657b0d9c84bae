"""Rules to begin with: the two of the vendors' best practice, and those for usual clients."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask_bucketcors.analysis.ready_made import MAX_AGE, READY_MADE, ReadyMade
from flask_bucketcors.console.typed_rule import TypedRule
from flask_bucketcors.core.wildcards import ANY

_LEAST: Final = ReadyMade(
    "pages of any site, with all methods and headers",
    ("GET", "HEAD", "PUT", "POST", "DELETE"),
    (ANY,),
    notes="To find out whether rules are the reason why a page fails. Replace them afterwards.",
)
_MOST: Final = ReadyMade(
    "pages of one site that read, and send no header of their own",
    ("GET", "HEAD"),
    exposed=("ETag",),
    notes="Begin here, and add only what the pages need.",
)


@dataclass(frozen=True, slots=True)
class StartingRule:
    """A rule to begin with.

    :param title: what a button says.
    :param ready_made: all but its origins.
    :param origin: its origin; ``""`` if the person has to say which.
    """

    title: str
    ready_made: ReadyMade
    origin: str = ""

    def typed(self, origin: str = "") -> TypedRule:
        """Give the rule for the form.

        :param origin: as it was typed.
        """
        methods, headers, exposed = (
            "\n".join(each)
            for each in (self.ready_made.methods, self.ready_made.headers, self.ready_made.exposed)
        )
        return TypedRule(origin or self.origin, methods, headers, exposed, str(MAX_AGE))


_TITLES: Final = {
    "read-only": "Read only",
    "cos-sdk": "Uploads with the COS SDK",
    "oss-sdk": "Uploads with the OSS SDK",
    "s3-sdk": "Uploads with the AWS SDK",
    "obs-sdk": "Uploads with the OBS SDK",
    "form-upload": "Uploads by form",
    "uppy": "Uploads with Uppy",
    "multipart": "Multipart uploads",
    "fonts": "Web fonts",
    "video": "Video players",
    "pmtiles": "PMTiles maps",
    "ranges": "Parts of files",
    "everything": "Everything, for testing",
}
#: The rules by name. The names but the first two are those of the command line.
STARTING_RULES: Final[Mapping[str, StartingRule]] = {
    "most-restrictive": StartingRule("Most restrictive", _MOST),
    "least-restrictive": StartingRule("Least restrictive, for finding a fault", _LEAST, ANY),
    **{name: StartingRule(_TITLES[name], ready_made) for name, ready_made in READY_MADE.items()},
}
