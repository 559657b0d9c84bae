"""What several test files share: data, models, and the programs that they start."""

from pathlib import Path
from typing import Final

#: The folder of the project, for ``PYTHONPATH``, working directories and files that tests read.
ROOT: Final = Path(__file__).parents[2]
