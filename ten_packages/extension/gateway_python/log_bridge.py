"""What the gateway logs goes into the app's log, with the correlation id of its session and turn in front."""

from __future__ import annotations

import logging

from ten_runtime import AsyncTenEnv

LOGGERS = ("stream_talk.gateway", "uvicorn.error")


class TenLogHandler(logging.Handler):
    def __init__(self, env: AsyncTenEnv) -> None:
        super().__init__(logging.INFO)
        self._env = env
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        correlation_id = getattr(record, "correlationId", None)
        text = self.format(record)
        line = f"correlationId={correlation_id} {text}" if correlation_id else text
        if record.levelno >= logging.ERROR:
            self._env.log_error(line)
        elif record.levelno >= logging.WARNING:
            self._env.log_warn(line)
        else:
            self._env.log_info(line)


def bridge_logs(env: AsyncTenEnv) -> TenLogHandler:
    handler = TenLogHandler(env)
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.propagate = False
        if logger.level == logging.NOTSET or logger.level > logging.INFO:
            logger.setLevel(logging.INFO if name == LOGGERS[0] else logging.WARNING)
    return handler


def unbridge_logs(handler: TenLogHandler) -> None:
    for name in LOGGERS:
        logging.getLogger(name).removeHandler(handler)
