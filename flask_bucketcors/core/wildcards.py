"""A text with one ``*``: what AllowedOrigin and AllowedHeader may hold."""

from typing import Final, NamedTuple

ANY: Final = "*"


class Wildcard(NamedTuple):
    """What stands before and behind a ``*``, which itself stands for zero or more characters."""

    prefix: str
    suffix: str

    @classmethod
    def parse(cls, text: str) -> "Wildcard | None":
        """Cut a text at its ``*``; None if it has none, and is therefore a literal."""
        prefix, star, suffix = text.partition(ANY)
        return cls(prefix, suffix) if star else None

    def fits(self, text: str) -> bool:
        return (
            # The two sides may not share characters: "aba" does not fit "aba*aba".
            len(text) >= len(self.prefix) + len(self.suffix)
            and text.startswith(self.prefix)
            and text.endswith(self.suffix)
        )
