"""The remote model: labels, the budget, and what happens when it fails."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from ..model import ModelSettings, TurnModel, label_of

SETTINGS = ModelSettings("http://127.0.0.1:9/v1", api_key="k", budget_ms=100)


def reply(content: str, wrapped: bool = False) -> httpx.Response:
    body = {"choices": [{"message": {"content": content}}]}
    return httpx.Response(200, json={"result": body} if wrapped else body)


def ask(handler: Any, *texts: str) -> tuple[list[Any], TurnModel]:
    async def run() -> tuple[list[Any], TurnModel]:
        model = TurnModel(SETTINGS, httpx.MockTransport(handler))
        answers = [await model.ask(text) for text in texts]
        await model.close()
        return answers, model

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("finished", "finished"),
        (" Unfinished\n", "unfinished"),
        ("unf", "unfinished"),
        ("wait", "wait"),
        ("yes", "finished"),
        ("", None),
    ],
)
def test_labels_are_read_as_tens_own_client_does(answer: str, label: str | None) -> None:
    assert label_of(answer) == label


def test_one_user_message_without_punctuation_is_sent() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return reply("unfinished")

    answers, _ = ask(handler, "Well, I think: that, 你好，吗？")
    assert answers == ["unfinished"]
    body = json.loads(seen[0].content)
    assert seen[0].url.path == "/v1/chat/completions" and seen[0].headers["authorization"] == "Bearer k"
    assert body["messages"] == [{"role": "user", "content": "Well I think that 你好吗"}]
    assert (body["max_tokens"], body["temperature"], body["top_p"]) == (1, 0.1, 0.1)


def test_a_wrapped_answer_is_understood() -> None:
    assert ask(lambda _: reply("wait", wrapped=True), "hold on")[0] == ["wait"]


def test_a_late_answer_is_no_answer() -> None:
    async def slow(_request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(30)
        return reply("finished")

    answers, model = ask(slow, "hello")
    assert answers == [None] and "Timeout" in model.last_problem


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(500),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"choices": []}),
        httpx.Response(200, json=[]),
    ],
)
def test_an_answer_that_is_none_is_no_answer(response: httpx.Response) -> None:
    assert ask(lambda _: response, "hello")[0] == [None]


def test_after_three_failures_it_rests() -> None:
    asked: list[int] = []

    def handler(_request: httpx.Request) -> httpx.Response:
        asked.append(1)
        raise httpx.ConnectError("refused")

    answers, model = ask(handler, *[f"text {i}" for i in range(6)])
    assert answers == [None] * 6
    assert len(asked) == 3 and model.resting


def test_nothing_is_asked_about_nothing() -> None:
    def handler(_request: httpx.Request) -> httpx.Response:
        raise AssertionError("asked")

    assert ask(handler, "", "...")[0] == [None, None]
