"""Files that are replaced as a whole: a reader finds the old content or the new one, never a part."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def writing(path: Path, setting: str) -> Iterator[None]:
    """Turn a failure to write this file into a `StartError` that says what to do.

    `setting` is the setting that holds the path.
    """
    try:
        yield
    except OSError as error:
        raise StartError(
            f"{path} can't be written ({error.strerror}): let this user write there, or set {setting} to "
            "another path."
        ) from None


def replace_file(path: Path, content: bytes) -> None:
    """Write or replace a file; raise OSError.

    A crash leaves the old file or the new one. Once this returns, the new one is on the disk. Only this user
    can read it, whatever the old one's mode was. A failure leaves the old file, and nothing beside it.
    """
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        new = Path(file.name)  # tempfile creates it with mode 0600
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            new.replace(path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # otherwise a power failure may undo the rename
    finally:
        os.close(folder)
