"""What old releases of Werkzeug, which the package still works with, do differently."""

from importlib.metadata import version
from typing import Final

_WERKZEUG: Final = tuple(map(int, version("werkzeug").split(".")[:3]))

#: Werkzeug before 3.0.2 redirects repeated slashes although a route or a map forbids it.
ALWAYS_MERGES_SLASHES: Final = _WERKZEUG < (3, 0, 2)
