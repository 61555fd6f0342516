from __future__ import annotations

import errno
import os

import pytest

from console.troubles import sentence_of
from runtime.settings import Settings


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_no_defect(number: int) -> None:
    """Python names no file where it fails to write to an open one, such as that of a redrive's progress."""
    said = sentence_of(Settings(), OSError(number, os.strerror(number)))
    assert said == f"{os.strerror(number)}: make room where the console keeps its data."


def test_an_error_without_a_file_is_a_defect() -> None:
    assert sentence_of(Settings(), OSError(errno.EBADF, os.strerror(errno.EBADF))) is None
