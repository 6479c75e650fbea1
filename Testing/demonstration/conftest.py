"""The demonstration's scripts import each other by name, as they do when run; their tests do the same."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
