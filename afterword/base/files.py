"""Files that survive a power cut."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Flushes a file's content, or a folder's entries, to disk. Raises OSError."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
