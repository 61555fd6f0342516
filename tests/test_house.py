"""The script that measures the house counts what is there."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests import house

if TYPE_CHECKING:
    from pathlib import Path

LONG = "\n".join(f"    a{number} = {number}" for number in range(40))
FILES = {
    "upper/one.py": f"from lower.two import B\n\n\ndef long() -> None:\n{LONG}\n",
    "upper/same.py": "import lower.two  # noqa: F401 - tried\n",
    "lower/two.py": "from upper import one  # noqa: F401\n\nB = one\n",
    "lower/same.py": f"def long() -> None:\n{LONG}\n    print()  # type: ignore[x]  # it is so\n",
}
FLOORS = (
    '[tool.importlinter]\n[[tool.importlinter.contracts]]\ntype = "layers"\nlayers = ["upper", "lower"]\n'
)


@pytest.mark.server  # git is a process
def test_what_is_counted(tmp_path: Path) -> None:
    for name, text in (FILES | {"pyproject.toml": FLOORS}).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    result = CliRunner().invoke(house.main, [str(tmp_path), "--places"], catch_exceptions=False)
    for said in (
        "  lower                        2      45\n",
        "    lower → upper, 1 imports\n",
        "    lower ↔ upper\n",
        "    lower.two → upper.one → lower.two\n",
        "    upper/one.py: long, 41\n",
        "suppressions with a reason                        2       0\n",
        "suppressions without a reason                     1       0\n    lower/two.py:1\n",
        "    same, 2 files\n",
        "    upper/one.py:4 as lower/same.py:1, 41 lines\n",
    ):
        assert said in result.output, result.output
