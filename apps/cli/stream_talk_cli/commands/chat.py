"""`stream-talk chat`: talk with a running server from a terminal, by microphone or by typing."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from stream_talk_cli.chat.captions import Captions
from stream_talk_cli.chat.conversation import ChatConversation
from stream_talk_cli.chat.keyboard import lines_from
from stream_talk_cli.chat.sound import MachineSound
from stream_talk_cli.errors import CommandError

HELP = "talk from this terminal with a running server: by microphone, or typing with --text"
DEFAULT_URL = "http://127.0.0.1:8017"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", default=DEFAULT_URL, help=f"the server (default: {DEFAULT_URL})")
    parser.add_argument("--token", default=os.environ.get("STREAM_TALK_TOKEN", ""), help="default: STREAM_TALK_TOKEN")
    parser.add_argument("--text", action="store_true", help="type and read; no microphone, no loudspeaker")
    parser.add_argument("--graph", default="", help="which of the server's graphs")
    parser.add_argument("--lang", default="", help="your language, for example zh-CN")
    parser.add_argument("--microphone", metavar="NAME", help="part of the device's name, or its number")
    parser.add_argument("--speaker", metavar="NAME", help="part of the device's name, or its number")
    parser.add_argument("--incognito", action="store_true", help="nothing of this conversation is remembered")


def run(args: argparse.Namespace) -> int:
    captions = Captions(sys.stdout, is_terminal=sys.stdout.isatty())
    sound = None if args.text else MachineSound(device(args.microphone), device(args.speaker))

    async def talk() -> None:
        conversation = ChatConversation(
            url=talk_url(args.url), token=args.token, greeting=greeting(args), captions=captions,
            lines=lines_from(sys.stdin, captions.screen), sound=sound, is_patient=not sys.stdin.isatty(),
        )  # fmt: skip
        await conversation.run()

    asyncio.run(talk())
    return 0


def greeting(args: argparse.Namespace) -> dict[str, Any]:
    wanted = {"graph": args.graph, "lang": args.lang, "incognito": args.incognito}
    return {name: value for name, value in wanted.items() if value}


def device(name: str | None) -> Any:
    return int(name) if name is not None and name.isdigit() else name


def talk_url(server: str) -> str:
    """`http://host:8017` as people write it, to the address of the conversation."""
    parts = urlsplit(server if "://" in server else f"http://{server}")
    scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(parts.scheme)
    if scheme is None or not parts.netloc:
        raise CommandError(f"{server!r} is no server's address: write it as {DEFAULT_URL}")
    path = parts.path.rstrip("/")
    return urlunsplit((scheme, parts.netloc, path if path.endswith("/v1/talk") else f"{path}/v1/talk", "", ""))
