"""For every test of the project: nothing of the person's own data is read or written."""

from __future__ import annotations

import os
import tempfile

_DATA = tempfile.TemporaryDirectory(prefix="stream-talk-tests-")
os.environ["STREAM_TALK_DATA_DIR"] = _DATA.name
