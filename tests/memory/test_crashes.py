"""What a memory file holds after its writer was killed, after a power cut, and where nothing can be written."""

from __future__ import annotations

import importlib
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from stream_talk.memory.conversations import Entry, append_turn
from stream_talk.memory.database import explained, open_database
from stream_talk.memory.errors import MemoryUnavailable

sys.path.insert(0, str(Path(__file__).parent))
writer_run = importlib.import_module("writer_run")

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="stops and mounts as Linux does")
as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs the rights of root")


@pytest.mark.slow
@linux_only
def test_a_turn_that_was_acknowledged_survives_kill_9_with_its_event(tmp_path):
    after = writer_run.kill_writers(tmp_path / "memory.db", 20, random.Random(3))
    assert after.acknowledged >= 20
    assert after.complete, after


@pytest.mark.slow
@linux_only
def test_a_copy_of_the_files_at_any_instant_misses_at_most_the_unfinished_turn(tmp_path):
    survivors = writer_run.cut_power(tmp_path / "memory.db", 40, random.Random(4))
    assert survivors[-1].acknowledged >= 10
    broken = [survivor for survivor in survivors if not survivor.complete]
    assert not broken, broken[0]


@linux_only
@as_root
def test_a_disk_that_is_really_full_is_said_and_served_again_when_there_is_room(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("no right to mount a small disk here")
    try:
        _fill_and_free(disk)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def _fill_and_free(disk: Path) -> None:
    connection = open_database(disk / "memory.db")
    append_turn(connection, "s", 0, [Entry("user", "kept", 1)], [])
    ballast = disk / "ballast"
    with pytest.raises(OSError), ballast.open("wb") as file:
        while True:
            file.write(bytes(4096))
            file.flush()
    with pytest.raises(MemoryUnavailable, match="is full"), explained(disk / "memory.db"):
        append_turn(connection, "s", 1, [Entry("user", "lost " * 5_000, 2)], [])
    ballast.unlink()
    append_turn(connection, "s", 2, [Entry("user", "kept too", 3)], [])
    assert [row[0] for row in connection.execute("SELECT text FROM turns")] == ["kept", "kept too"]
    connection.close()


_AS_SOMEBODY_ELSE = """
import sys
from pathlib import Path
from stream_talk.memory.database import open_database
from stream_talk.memory.errors import MemoryUnavailable
try:
    open_database(Path(sys.argv[1]))
except MemoryUnavailable as error:
    print(error)
"""


@linux_only
@as_root
def test_a_file_of_somebody_else_is_refused_with_a_remedy():
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "memory.db"
        open_database(path).close()
        path.parent.chmod(0o755)
        path.chmod(0o444)
        command = [sys.executable, "-c", _AS_SOMEBODY_ELSE, str(path)]
        answer = subprocess.run(command, user=65534, capture_output=True, text=True, check=False, timeout=60)
    assert "cannot be written" in answer.stdout and "permissions" in answer.stdout, answer.stderr
