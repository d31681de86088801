"""The dialog-engine contract, field for field, and the stop that its benchmark measures."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import uuid
from typing import Any

import httpx
import numpy as np
import soundfile

from .conftest import Server, until


def wav(ms: int, rate_hz: int = 16_000) -> str:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(rate_hz * ms // 1000, dtype=np.int16), rate_hz, format="WAV")
    return base64.b64encode(buffer.getvalue()).decode()


def events(body: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for block in body.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def http(server: Server) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=server.http, timeout=20)


def test_chat_stream_answers_with_deltas_and_stats_of_this_request(with_server):
    async def scenario(server: Server) -> None:
        async with http(server) as client:
            answer = await client.post("/chat/stream", json={"sessionId": "a", "content": "200"})
            assert answer.headers["content-type"].startswith("text/event-stream")
            got = events(answer.text)
            assert "".join(d["content"] for n, d in got if n == "text-delta") == "You said 200."
            assert got[-1][0] == "done"
            stats = got[-1][1]["stats"]
            assert stats["tokens"] == 3 and 0 <= stats["ttft_ms"] < 5_000

    with_server(scenario)


def test_two_sessions_at_once_do_not_mix_and_one_session_keeps_its_graph(with_server):
    async def scenario(server: Server) -> None:
        async with http(server) as client:
            both = await asyncio.gather(
                *(
                    client.post("/chat/stream", json={"sessionId": s, "content": c})
                    for s, c in (("a", "100"), ("b", "150"))
                )
            )
            texts = ["".join(d["content"] for n, d in events(r.text) if n == "text-delta") for r in both]
            assert texts == ["You said 100.", "You said 150."]
            await client.post("/chat/stream", json={"sessionId": "a", "content": "again"})
            assert len(server.host.graphs) == 2, "typed text belongs to one conversation, and is remembered there"
            said = [e["text"] for g in server.host.graphs for e in g.client_events if e["type"] == "text"]
            assert sorted(said) == ["100", "150", "again"]

    with_server(scenario)


def test_visemes_reach_the_stream(with_server):
    async def scenario(server: Server) -> None:
        async with http(server) as client:
            await client.post("/chat/stream", json={"sessionId": "a", "content": "100"})
            graph = server.host.graphs[-1]
            answer = graph.answer

            def with_visemes(text: str) -> None:
                visemes = [{"viseme": "aa", "phoneme": "A:", "start_ms": 10, "duration_ms": 90}]
                graph.say("viseme", visemes=visemes, request_id="r2")
                answer(text)

            graph.answer = with_visemes  # type: ignore[method-assign]
            got = events((await client.post("/chat/stream", json={"sessionId": "a", "content": "100"})).text)
            assert ("viseme", {"phoneme": "A:", "startMs": 10, "durMs": 90, "viseme": "aa"}) in got

    with_server(scenario)


def test_what_is_wrong_is_said_as_the_contract_says_it(with_server):
    async def scenario(server: Server) -> None:
        async with http(server) as client:
            cases = (
                ("/chat/stream", b"nope", 400, "invalid json"),
                ("/chat/stream", b'{"content": "  "}', 400, "content required"),
                ("/chat/audio", b"{}", 400, "audio required"),
                ("/chat/audio", b'{"audio": "***"}', 400, "invalid audio encoding"),
                ("/chat/audio", b'{"audio": "AAAA"}', 400, "unsupported audio"),
                ("/chat/audio/stream", json.dumps({"audio": wav(0)}).encode(), 502, "empty transcript"),
                ("/tts/mock", b"{}", 400, "sessionId and text required"),
                ("/control/stop", b"{}", 400, "sessionId required"),
            )
            for path, body, status, detail in cases:
                answer = await client.post(path, content=body)
                assert (answer.status_code, answer.json()) == (status, {"detail": detail}), path
            large = base64.b64encode(bytes(5 * 1024 * 1024 + 3)).decode()
            answer = await client.post("/chat/audio", json={"audio": large})
            assert (answer.status_code, answer.json()["detail"]) == (413, "audio payload too large")

    with_server(scenario)


def test_spoken_questions_are_transcribed_and_answered(with_server):
    async def scenario(server: Server) -> None:
        async with http(server) as client:
            whole = (await client.post("/chat/audio", json={"sessionId": "a", "audio": wav(2_000)})).json()
            assert whole["transcript"] == "heard 2000"
            assert whole["reply"] == "You said heard 2000."
            assert whole["stats"]["asr"]["duration_seconds"] == 2.0
            stream = events(
                (await client.post("/chat/audio/stream", json={"sessionId": "a", "audio": wav(3_000)})).text
            )
            names = [name for name, _ in stream]
            assert names[:2] == ["asr-partial", "asr-partial"] and "asr-final" in names and names[-1] == "done"
            assert stream[-1][1]["transcript"] == "heard 3000"

    with_server(scenario)


async def next_json(socket: Any) -> dict[str, Any]:
    while True:
        item = await asyncio.wait_for(socket.recv(), 5)
        if isinstance(item, str):
            return json.loads(item)


def test_a_stop_silences_the_output_socket_and_is_acknowledged_there(with_server):
    async def scenario(server: Server) -> None:
        task = str(uuid.uuid4())
        socket = await server.dial(f"/ws/output/{task}")
        async with http(server) as client:
            await client.post("/tts/mock", json={"sessionId": task, "text": "x", "chunkCount": 200, "chunkDelayMs": 20})
            first = await next_json(socket)
            assert first == {"type": "audio_chunk", "task_id": task, "chunk_id": 0, "total_chunks": None}
            assert (await client.post("/control/stop", json={"sessionId": task})).json() == {"ok": True}
            while (message := await next_json(socket))["type"] != "control":
                pass
            assert message == {"type": "control", "action": "STOP_ACK", "task_id": task}
            await asyncio.sleep(0.1)
            with_more = asyncio.wait_for(socket.recv(), 0.1)
            try:
                raise AssertionError(f"after a stop came {await with_more!r}")
            except asyncio.TimeoutError:
                pass

    with_server(scenario)


def test_an_engine_elsewhere_speaks_through_the_ingest_socket(with_server):
    async def scenario(server: Server) -> None:
        one, two = str(uuid.uuid4()), str(uuid.uuid4())
        ears = {task: await server.dial(f"/ws/output/{task}") for task in (one, two)}
        mouths = {task: await server.dial("/ws/ingest/tts") for task in (one, two)}
        for task in (one, two):
            pcm = base64.b64encode(task.encode()).decode()
            await mouths[task].send("not json")
            await mouths[task].send(
                json.dumps({"type": "SPEECH_CHUNK", "sessionId": task, "seq": 0, "pcm": pcm, "viseme": {}})
            )
        for task in (one, two):
            assert (await next_json(ears[task]))["chunk_id"] == 0
            assert await asyncio.wait_for(ears[task].recv(), 5) == task.encode(), "each session hears its own engine"
        async with http(server) as client:
            await client.post("/control/stop", json={"sessionId": one})
        assert json.loads(await asyncio.wait_for(mouths[one].recv(), 5)) == {
            "type": "CONTROL",
            "action": "STOP",
            "sessionId": one,
        }
        await mouths[two].send(json.dumps({"type": "CONTROL", "action": "END", "sessionId": two}))
        assert (await next_json(ears[two]))["action"] == "END"

    with_server(scenario)


def test_a_reply_sounds_on_the_output_socket_of_its_session(with_server):
    async def scenario(server: Server) -> None:
        task = str(uuid.uuid4())
        socket = await server.dial(f"/ws/output/{task}")
        async with http(server) as client:
            await client.post("/chat/stream", json={"sessionId": task, "content": "300"})
        sound = b""
        while True:
            item = await asyncio.wait_for(socket.recv(), 5)
            if isinstance(item, bytes):
                sound += item
            elif json.loads(item).get("action") == "END":
                break
        assert abs(len(sound) / 48 - 300) <= 40

    with_server(scenario)


def test_a_client_that_leaves_stops_its_reply(with_server):
    async def scenario(server: Server) -> None:
        async with http(server) as client:
            await client.post("/chat/stream", json={"sessionId": "a", "content": "100"})
            graph = server.host.graphs[-1]
            graph.answer = lambda text: graph.say("state", state="thinking")  # type: ignore[method-assign]
            async with client.stream(
                "POST", "/chat/stream", json={"sessionId": "a", "content": "never answered"}
            ) as answer:
                assert answer.status_code == 200
                await until(lambda: any(e.get("text") == "never answered" for e in graph.client_events))
            await until(lambda: graph.client_events[-1]["type"] == "cancel_response")

    with_server(scenario)


def test_a_spoken_question_of_a_client_that_leaves_is_dropped_too(with_server):
    async def scenario(server: Server) -> None:
        async with http(server) as client:
            await client.post("/chat/stream", json={"sessionId": "a", "content": "100"})
            graph = server.host.graphs[-1]
            graph.answer = lambda text: graph.say("state", state="thinking")  # type: ignore[method-assign]
            asking = asyncio.create_task(client.post("/chat/audio", json={"sessionId": "a", "audio": wav(1_000)}))
            await until(lambda: any(e.get("text") == "heard 1000" for e in graph.client_events))
            asking.cancel()
            await until(lambda: graph.client_events[-1]["type"] == "cancel_response")

    with_server(scenario)


def test_a_reply_that_was_read_is_over_before_the_next_question(with_server):
    """Nobody listens: a question must not cut the reply before it out of the history."""

    async def scenario(server: Server) -> None:
        async with http(server) as client:
            started = asyncio.get_running_loop().time()
            for _ in range(3):
                await client.post("/chat/stream", json={"sessionId": "a", "content": "9000"})
            assert asyncio.get_running_loop().time() - started < 5, "27 s of speech are not waited for"
            graph = server.host.graphs[-1]
            assert [r["state"] for r in graph.reports if r["state"] in ("finished", "dropped")] == ["finished"] * 3

    with_server(scenario)


def test_a_session_is_remembered_under_its_own_name(with_server):
    async def scenario(server: Server) -> None:
        async with http(server) as client:
            for name in ("a-session-of-mine", "短", "short"):
                await client.post("/chat/stream", json={"sessionId": name, "content": "40"})
            named, *others = [graph.session_id for graph in server.host.graphs]
            assert named == "a-session-of-mine"
            assert len(set(others)) == 2 and all(other.startswith("dialog-") for other in others)

    with_server(scenario)


def test_wishes_of_meta_reach_the_conversation(with_server):
    async def scenario(server: Server) -> None:
        async with http(server) as client:
            meta = {"lang": "zh-CN", "system_prompt": "Be brief."}
            await client.post("/chat/stream", json={"sessionId": "a", "content": "40", "meta": meta})
            told = [e for e in server.host.graphs[-1].client_events if e["type"] == "settings"]
            assert told == [{"type": "settings", "lang": "zh-CN", "instructions": "Be brief."}]

    with_server(scenario)


def test_chunks_carry_the_shapes_of_the_mouth(with_server):
    async def scenario(server: Server) -> None:
        task = str(uuid.uuid4())
        socket = await server.dial(f"/ws/output/{task}")
        mouth = await server.dial("/ws/ingest/tts")
        chunk = {"type": "SPEECH_CHUNK", "sessionId": task, "seq": 0, "pcm": "AAAA", "viseme": {"AA": 0.7, "x": "no"}}
        await mouth.send(json.dumps(chunk))
        assert (await next_json(socket))["viseme"] == {"AA": 0.7}
        async with http(server) as client:
            await client.post("/chat/stream", json={"sessionId": task, "content": "40"})
            graph = server.host.graphs[-1]
            answer = graph.answer

            def with_visemes(text: str) -> None:
                visemes = [{"viseme": "aa", "phoneme": "a", "start_ms": 0, "duration_ms": 30},
                           {"viseme": "PP", "phoneme": "m", "start_ms": 30, "duration_ms": 200}]  # fmt: skip
                graph.say("viseme", visemes=visemes, request_id="r2")
                answer(text)

            graph.answer = with_visemes  # type: ignore[method-assign]
            await client.post("/chat/stream", json={"sessionId": task, "content": "120"})
            shapes = []
            while len(shapes) < 2:
                message = await next_json(socket)
                if message.get("viseme"):
                    shapes.append(message["viseme"])
        assert shapes == [{"aa": 1.0}, {"aa": 0.5, "PP": 0.5}]

    with_server(scenario)


def test_only_task_ids_have_output_sockets(with_server):
    async def scenario(server: Server) -> None:
        try:
            await server.dial("/ws/output/not-a-uuid")
        except Exception as refused:
            assert "403" in str(refused)
        else:
            raise AssertionError("a socket was opened for something that is no task id")

    with_server(scenario)
