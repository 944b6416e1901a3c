"""Files as the readers see them: mapped, never copied into memory."""

import hashlib
import mmap
import os
import stat
from pathlib import Path

from keras2torch.errors import FormatError, quoted

__all__ = ["drop_pages", "mapped", "sha256"]


def mapped(path: str | os.PathLike[str]) -> memoryview:
    """The bytes of a regular file.

    Raises:
        FormatError: there is no such file, it is none, it is empty or can't be read.
    """
    what = quoted(os.path.basename(path))
    try:
        # Opening a pipe or a device can block or do something, so look before.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise FormatError(f"{what}: not a regular file")
        with open(path, "rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise FormatError(f"{what}: can't be read: {error.strerror}") from None
    except ValueError:  # nothing to map, or a null in the path
        raise FormatError(f"{what}: an empty file") from None


def drop_pages(data: memoryview) -> None:
    """Let go of the memory that a mapped file took so far; what is read again comes from the file.

    The pages of a map count as the process' memory for as long as they are not taken from it.
    """
    if isinstance(data.obj, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        data.obj.madvise(mmap.MADV_DONTNEED)


def sha256(path: Path) -> str:
    """The digest of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
