"""Files that survive a power cut."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Makes a file's content durable, or a folder's names. Raises OSError."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
