"""`callweave rejected show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kit.commands import ran
from tests.operations.replay.archived import posted, store

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.settings import Settings

UNREAD = b'{"status":"sneeze","caller":"+7 (981) 765-43-21","recordfilename":"/2021/02/09/9c6f2092.wav"}'


def test_of_a_rejected_callback_numbers_and_recordings_are_shown_when_asked_for(
    store_settings: Settings, tmp_path: Path
) -> None:
    store(store_settings, tmp_path, [posted(0, UNREAD)])
    shown = ran(store_settings, "rejected", "show", "callback-000")
    assert shown.returncode == 0, shown.stderr
    assert '{"status":"sneeze","caller":"***21","recordfilename":"***"}\n' in shown.stdout
    assert f"{UNREAD.decode()}\n" in ran(store_settings, "rejected", "show", "callback-000", "--raw").stdout
