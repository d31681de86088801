"""outbox_python as a node. Against a real Redis it is tested in tests/memory."""

from __future__ import annotations

import json

import pytest
from ten_runtime import AsyncExtensionTester, AsyncTenEnvTester, Cmd, StatusCode


class Starts(AsyncExtensionTester):
    async def on_start(self, ten_env: AsyncTenEnvTester) -> None:
        result, error = await ten_env.send_cmd(Cmd.create("outbox_wake"))
        assert error is None and result is not None
        assert result.get_status_code() == StatusCode.OK
        ten_env.stop_test()


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"redis_url": "redis://127.0.0.1:1/0", "flush_interval_ms": 20},
        {"redis_url": "not a url"},
        {"redis_url": "redis://127.0.0.1:1/0", "batch": 0},
    ],
    ids=["off", "redis absent", "wrong url", "wrong property"],
)
def test_the_node_starts_and_stops_whatever_redis_does(tmp_path, properties):
    tester = Starts()
    tester.set_test_mode_single("outbox_python", json.dumps({"path": str(tmp_path / "memory.db"), **properties}))
    assert tester.run() is None
