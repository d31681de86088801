"""`stream-talk worker ltm|analytics`: read events from Redis and act on them. Start as many as you like."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from stream_talk.engines.interfaces import EngineUnavailable
from stream_talk.memory.embeddings import EmbeddingEndpoint
from stream_talk.memory.errors import MemoryUnavailable
from stream_talk.paths import analytics_file, memory_file

if TYPE_CHECKING:
    from stream_talk.memory.embeddings import Embedder

    from stream_talk_cli.worker.consumer import Consumer, EventHandler

HELP = "read events from Redis Streams: `ltm` remembers facts, `analytics` measures turns"
_RETRY_S = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=("ltm", "analytics"))
    parser.add_argument(
        "--redis", default=os.environ.get("STREAM_TALK_REDIS_URL", "redis://127.0.0.1:6379/0"), metavar="URL"
    )
    parser.add_argument("--name", default=f"{socket.gethostname()}-{os.getpid()}", help="this member of the group")
    parser.add_argument("--file", type=Path, help="where to store (default: the user's data directory)")
    parser.add_argument(
        "--reclaim-after", type=float, default=30.0, metavar="SECONDS", help="take over events left so long"
    )
    parser.add_argument("--until-empty", action="store_true", help="stop when there is nothing left to read")
    parser.add_argument(
        "--embeddings-url",
        default=os.environ.get("STREAM_TALK_EMBEDDINGS_URL", ""),
        metavar="URL",
        help="OpenAI-compatible endpoint, e.g. http://127.0.0.1:1234/v1",
    )
    parser.add_argument(
        "--embeddings-model", default=os.environ.get("STREAM_TALK_EMBEDDINGS_MODEL", ""), metavar="NAME",
        help="the endpoint's model; without an endpoint, a model's folder",
    )  # fmt: skip


def _handler(args: argparse.Namespace) -> EventHandler:
    if args.kind == "analytics":
        from stream_talk_cli.worker.analytics import AnalyticsHandler

        return AnalyticsHandler(args.file or analytics_file())
    from stream_talk_cli.worker.ltm import LtmHandler

    return LtmHandler(args.file or memory_file(), embeddings=_embedder(args))


def _embedder(args: argparse.Namespace) -> Embedder | None:
    if args.embeddings_url:
        key = os.environ.get("STREAM_TALK_EMBEDDINGS_KEY", "")
        return EmbeddingEndpoint(args.embeddings_url, args.embeddings_model, key, timeout_ms=30_000)
    if not args.embeddings_model:
        return None
    from stream_talk.memory.local_embeddings import LocalEmbeddings

    local = LocalEmbeddings(args.embeddings_model)
    local.load()
    return local


def run(args: argparse.Namespace) -> int:
    try:
        import redis

        from stream_talk_cli.worker.consumer import Consumer, ConsumerSettings
    except ImportError:
        print("The package redis is missing; pip install 'stream-talk[redis]'", file=sys.stderr)
        return 1
    try:
        client = redis.Redis.from_url(args.redis, decode_responses=True, socket_timeout=10.0)
    except ValueError as error:
        print(f"--redis is wrong ({error}); write redis://HOST:PORT/0", file=sys.stderr)
        return 1
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        handler = _handler(args)
    except (MemoryUnavailable, EngineUnavailable) as error:
        print(error, file=sys.stderr)
        return 1
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    settings = ConsumerSettings(
        f"events.{args.kind}", f"{args.kind}-workers", args.name, reclaim_idle_ms=int(args.reclaim_after * 1000)
    )
    consumer = Consumer(client, settings, handler)
    try:
        _serve(consumer, stopping, args)
    finally:
        handler.close()
        client.close()
    logging.info("%d events done", consumer.finished)
    return 0


def _serve(consumer: Consumer, stopping: threading.Event, args: argparse.Namespace) -> None:
    """Work until told to stop. Redis or the store may go away and come back; that is said once each time."""
    import redis

    joined, away = False, False
    while not stopping.is_set():
        try:
            if not joined:
                consumer.join()
                joined = True
                logging.info("%s reads events.%s", args.name, args.kind)
            read = consumer.round(block_ms=10 if args.until_empty else None)
            away = False
        except (redis.RedisError, OSError, MemoryUnavailable) as error:
            if not away:
                logging.warning("cannot work now, trying again: %s", error)
            away, joined = True, False
            stopping.wait(_RETRY_S)
            continue
        if args.until_empty and not read:
            break
