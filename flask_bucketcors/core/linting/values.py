"""Values that are there twice, headers, and max-age."""

from typing import Final

# Seconds for which browsers keep the answer to a preflight, however long they are told to:
# WebKit, Chromium, Firefox.
_KEPT: Final = (600, 7200, 86400)
