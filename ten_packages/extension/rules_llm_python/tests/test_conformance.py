from stream_talk.testing.conformance_llm import LlmConformance


class TestConformance(LlmConformance):
    addon = "rules_llm_python"
    properties = {}
    slow_properties = {"params": {"token_delay_ms": 200}}
    failing_properties = {"params": {"timezone": "Middle/Earth"}}
