"""The stock OpenAI SDK against `/v1/realtime`: it connects, converses, cancels, truncates, and reads errors, unchanged."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx
import pytest

from .conftest import Server

openai = pytest.importorskip("openai")


def sdk(server: Server, key: str = "unused") -> Any:
    return openai.AsyncOpenAI(
        api_key=key, base_url=f"{server.http}/v1", websocket_base_url=f"{server.url}/v1", max_retries=0
    )


class Listener:
    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.events: list[Any] = []

    async def until(self, kind: str) -> Any:
        while True:
            event = await asyncio.wait_for(self.connection.recv(), 30)
            self.events.append(event)
            if event.type == kind:
                return event

    def sound(self) -> bytes:
        return b"".join(base64.b64decode(e.delta) for e in self.events if e.type == "response.output_audio.delta")

    def types(self) -> list[str]:
        return [e.type for e in self.events]


async def ask(listener: Listener, text: str) -> None:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    await listener.connection.conversation.item.create(item=item)
    await listener.connection.response.create()


def test_a_typed_question_is_answered_in_text_and_sound(with_server):
    async def scenario(server: Server) -> None:
        async with sdk(server).realtime.connect(model="embedded") as connection:
            listener = Listener(connection)
            created = await listener.until("session.created")
            assert created.session.id.startswith("sess_")
            await connection.session.update(session={"type": "realtime", "instructions": "Be brief."})
            updated = await listener.until("session.updated")
            assert updated.session.audio.input.turn_detection.interrupt_response is True
            await ask(listener, "400")
            done = await listener.until("response.done")
            assert done.response.status == "completed"
            assert done.response.output[0].content[0].transcript == "You said 400."
            assert abs(len(listener.sound()) / 48 - 400) <= 40
            assert listener.types().count("response.created") == 1

    with_server(scenario)


def test_cancel_ends_the_sound_and_only_one_done_follows(with_server):
    async def scenario(server: Server) -> None:
        async with sdk(server).realtime.connect(model="embedded") as connection:
            listener = Listener(connection)
            await listener.until("session.created")
            await ask(listener, "5000")
            await listener.until("response.output_audio.delta")
            await connection.response.cancel()
            done = await listener.until("response.done")
            assert done.response.status == "cancelled"
            heard = len(listener.sound())
            await connection.session.update(session={"type": "realtime"})
            await listener.until("session.updated")
            assert len(listener.sound()) == heard, "no sound after a cancel"
            assert listener.types().count("response.done") == 1
            await connection.response.cancel()
            assert (await listener.until("error")).error.code == "response_cancel_not_active"

    with_server(scenario)


def test_truncate_reaches_the_conversation(with_server):
    async def scenario(server: Server) -> None:
        async with sdk(server).realtime.connect(model="embedded") as connection:
            listener = Listener(connection)
            await listener.until("session.created")
            await ask(listener, "600")
            done = await listener.until("response.done")
            item_id = done.response.output[0].id
            await connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=300)
            assert (await listener.until("conversation.item.truncated")).audio_end_ms == 300
            told = [e for e in server.host.graphs[-1].client_events if e["type"] == "truncate"]
            assert told and told[0]["audio_end_ms"] == 300

    with_server(scenario)


def test_sound_reaches_the_conversation_at_its_rate(with_server):
    async def scenario(server: Server) -> None:
        async with sdk(server).realtime.connect(model="embedded") as connection:
            listener = Listener(connection)
            await listener.until("session.created")
            for _ in range(10):
                await connection.input_audio_buffer.append(audio=base64.b64encode(bytes(4_800)).decode())
            await connection.input_audio_buffer.commit()
            await listener.until("input_audio_buffer.committed")
            graph = server.host.graphs[-1]
            heard_ms = sum(len(pcm) for _, pcm in graph.sound) / 2 / 16
            assert 950 <= heard_ms <= 1_000
            assert {"type": "commit", "respond": False} in graph.client_events

    with_server(scenario)


def test_a_whole_recording_may_come_in_one_message(with_server):
    async def scenario(server: Server) -> None:
        async with sdk(server).realtime.connect(model="embedded") as connection:
            listener = Listener(connection)
            await listener.until("session.created")
            minutes = bytes(15 * 1024 * 1024)
            await connection.input_audio_buffer.append(audio=base64.b64encode(minutes).decode())
            await connection.input_audio_buffer.commit()
            await listener.until("input_audio_buffer.committed")
            graph = server.host.graphs[-1]
            assert abs(sum(len(pcm) for _, pcm in graph.sound) / 2 / 16_000 - len(minutes) / 48_000) < 0.1
            assert max(len(pcm) for _, pcm in graph.sound) <= 3_300, "in pieces that keep nobody waiting"
            await connection.input_audio_buffer.append(audio=base64.b64encode(minutes).decode())
            assert (await listener.until("error")).error.code == "rate_limit_exceeded"

    with_server(scenario)


def test_errors_have_the_protocols_shape_and_the_session_lives(with_server):
    async def scenario(server: Server) -> None:
        async with sdk(server).realtime.connect(model="embedded") as connection:
            listener = Listener(connection)
            await listener.until("session.created")
            await connection.send({"type": "no.such.event", "event_id": "mine"})
            error = await listener.until("error")
            assert (error.error.code, error.error.event_id) == ("unknown_or_invalid_event", "mine")
            await ask(listener, "100")
            assert (await listener.until("response.done")).response.status == "completed"

    with_server(scenario)


def test_beta_clients_hear_their_own_event_names(with_server):
    async def scenario(server: Server) -> None:
        headers = {"OpenAI-Beta": "realtime=v1"}
        async with sdk(server).realtime.connect(model="embedded", extra_headers=headers) as connection:
            listener = Listener(connection)
            await listener.until("session.created")
            item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "100"}]}
            await connection.send({"type": "conversation.item.create", "item": item})
            await connection.send({"type": "response.create"})
            await listener.until("response.done")
            assert "response.audio.delta" in listener.types()
            assert "conversation.item.created" in listener.types()

    with_server(scenario)


def test_browsers_get_the_subprotocol_they_offered_and_never_the_key(with_server):
    async def scenario(server: Server) -> None:
        offered = ["realtime", "openai-insecure-api-key.ek_secret"]
        socket = await server.dial("/v1/realtime?model=embedded", subprotocols=offered)
        assert socket.subprotocol == "realtime"

    with_server(scenario)


def test_client_secrets_carry_their_session_settings(with_server):
    async def scenario(server: Server) -> None:
        async with httpx.AsyncClient(base_url=server.http) as http:
            wanted = {"session": {"type": "realtime", "instructions": "Speak like a pirate."}}
            answer = (await http.post("/v1/realtime/client_secrets", json=wanted)).json()
            assert answer["value"].startswith("ek_")
            bad = await http.post("/v1/realtime/client_secrets", json={"session": {"nonsense": 1}})
            assert bad.status_code == 400 and bad.json()["error"]["code"] == "unknown_parameter"
        async with sdk(server, key=answer["value"]).realtime.connect(model="embedded") as connection:
            created = await Listener(connection).until("session.created")
            assert created.session.instructions == "Speak like a pirate."

    with_server(scenario)


def test_an_exposed_server_takes_its_own_short_lived_keys(with_server):
    async def scenario(server: Server) -> None:
        with pytest.raises(Exception, match="401"):
            async with sdk(server, key="wrong").realtime.connect(model="embedded"):
                raise AssertionError("a stranger was let in")
        async with httpx.AsyncClient(
            base_url=server.http, headers={"Authorization": "Bearer the-long-token-of-the-house"}
        ) as http:
            key = (await http.post("/v1/realtime/client_secrets", json={})).json()["value"]
        async with sdk(server, key=key).realtime.connect(model="embedded") as connection:
            assert (await Listener(connection).until("session.created")).session.id

    with_server(scenario, token="the-long-token-of-the-house")
