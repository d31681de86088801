"""Scenarios run whole graphs in simulated time; the app's packages must be importable as the runtime imports them."""

import pytest
from stream_talk.graph import find_graph
from stream_talk.testing.stages import register_test_stages
from stream_talk_cli.launch import prepare_imports


@pytest.fixture(autouse=True, scope="session")
def stages():
    prepare_imports(find_graph("embedded"))
    register_test_stages()
