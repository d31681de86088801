"""The session graph of a measurement: the nodes of `graphs/embedded.json` that take part in a turn, with engines to choose."""

from __future__ import annotations

from typing import Any

from bench.conversation.client import CLIENT_ADDON

# The decision rule that every measured framework can follow: 192 ms of voice begin, 192 ms of silence end, no further wait.
MATCHED_VAD = {
    "vad_threshold": 0.7,
    "release_threshold": 0.7,
    "prefix_padding_ms": 192.0,
    "silence_duration_ms": 192.0,
}
MATCHED_TURNS = {"endpoint_floor_ms": 0.0, "endpoint_ceiling_ms": 0.0, "interruption": "instant"}


def conversation_graph(
    session_id: str,
    *,
    stt: str,
    llm: str,
    tts: str,
    vad: str = "silero_vad_python",
    engines: dict[str, Any] | None = None,
    vad_properties: dict[str, Any] | None = None,
    control_properties: dict[str, Any] | None = None,
    turn_detection: bool = False,
    memory: dict[str, str] | None = None,
) -> dict[str, Any]:
    """`engines` are the params of all three engines (a measurer's engines find their session there).

    `memory`: the file of memory and outbox (`path`) and where its events go (`redis_url`).
    """
    params = {"params": engines} if engines else {}
    client = session_id
    nodes = [
        _node(client, CLIENT_ADDON),
        _node("vad", vad, vad_properties),
        _node("stt", stt, params),
        _node("main_control", "main_control_python", {"session_id": session_id, **(control_properties or {})}),
        _node("llm", llm, params),
        _node("tts", tts, params),
    ]
    hears_turns = ["turn_detection"] if turn_detection else []
    if turn_detection:
        nodes.append(_node("turn_detection", "turn_detection_python"))
    connections = _connections(client, hears_turns)
    if turn_detection:
        connections.append({"extension": "turn_detection", "data": [_edge("turn_decision", "main_control")]})
    if memory is not None:
        nodes += _memory_nodes(**memory)
        commands = ("memory_load", "memory_append", "memory_search", "memory_clear")
        connections.append({"extension": "main_control", "cmd": [_edge(name, "memory") for name in commands]})
    return {"nodes": nodes, "connections": connections}


def _connections(client: str, hears_turns: list[str]) -> list[dict[str, Any]]:
    """What every measured conversation has; `hears_turns` are further nodes that listen to the person."""
    return [
        {
            "extension": client,
            "audio_frame": [_edge("pcm_frame", "vad")],
            "data": [_edge("client_event", "main_control"), _edge("playout_report", "main_control")],
        },
        {
            "extension": "vad",
            "audio_frame": [_edge("pcm_frame", "stt", *hears_turns)],
            "cmd": [
                _edge("start_of_sentence", "main_control", "stt", *hears_turns),
                _edge("end_of_sentence", "main_control", *hears_turns),
            ],
        },
        {
            "extension": "stt",
            "data": [
                _edge("asr_result", "main_control", *hears_turns),
                _edge("asr_finalize_end", "main_control"),
                _edge("error", "main_control"),
            ],
        },
        {
            "extension": "main_control",
            "cmd": [_edge("chat_completion", "llm"), _edge("abort", "llm")],
            "data": [
                _edge("asr_finalize", "stt"),
                _edge("tts_text_input", "tts"),
                _edge("tts_flush", "tts"),
                _edge("playout_control", client),
                _edge("message", client),
            ],
        },
        {"extension": "llm", "data": [_edge("error", "main_control")]},
        {
            "extension": "tts",
            "audio_frame": [_edge("pcm_frame", client)],
            "data": [
                _edge(name, "main_control")
                for name in ("tts_audio_start", "tts_text_result", "tts_visemes", "tts_flush_end", "error")
            ]
            + [_edge("tts_audio_end", "main_control", client)],
        },
    ]


def _memory_nodes(path: str, redis_url: str) -> list[dict[str, Any]]:
    return [
        _node("memory", "memory_python", {"path": path, "events_for": redis_url}),
        _node("outbox", "outbox_python", {"path": path, "redis_url": redis_url}),
    ]


def _node(name: str, addon: str, properties: dict[str, Any] | None = None) -> dict[str, Any]:
    node: dict[str, Any] = {"type": "extension", "name": name, "addon": addon, "extension_group": "default"}
    if properties:
        node["property"] = properties
    return node


def _edge(name: str, *nodes: str) -> dict[str, Any]:
    return {"name": name, "dest": [{"extension": node} for node in nodes]}
