"""Logging: a line of JSON or text for each request and each failure."""

import json
import logging
from datetime import UTC, datetime
from logging.config import dictConfig
from time import perf_counter
from typing import Any

from flask import Flask, Response, g, request

from service.config import Config

REQUESTS = "service.requests"
PROBLEM = "application/problem+json"
CHANGES = {"PUT", "PATCH", "DELETE"}  # of items; the id of a query is a secret, and has another name

_log = logging.getLogger(REQUESTS)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return getattr(record, "fields", {})


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object in a line of ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


class TextLines(logging.Formatter):
    """Formats a record as one readable line, unprintable characters escaped, so that none can be forged."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and below it the traceback where there is one."""
        time = datetime.fromtimestamp(record.created).isoformat(" ", timespec="milliseconds")
        words = [time, record.levelname.lower(), record.getMessage()]
        words += [f"{name}={value}" for name, value in _fields(record).items()]
        line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in " ".join(words))
        return line + ("\n" + self.formatException(record.exc_info) if record.exc_info else "")


FORMATS = {"json": JsonLines, "text": TextLines}


def configure_logs(config: Config) -> None:
    """Send this process's log to standard error, in the configured format and level."""
    dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": FORMATS[config.log_format]}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"level": config.log_level.upper(), "handlers": ["stderr"]},
            "loggers": {"faiss": {"level": "WARNING"}},  # which logs at length how it was loaded
        }
    )


def path_template() -> str:
    """Return the route of the request, such as /v1/items/<item_id>; empty where there is none."""
    return request.url_rule.rule if request.url_rule is not None else ""


def elapsed() -> float:
    """Return seconds since the request began."""
    return perf_counter() - g.began


def problem_code(response: Response) -> str | None:
    """Return the error code of a response; None where it is not an error."""
    if response.mimetype != PROBLEM:
        return None
    return str((response.get_json(silent=True) or {}).get("code"))


def _log_request(response: Response) -> Response:
    fields = {
        "request_id": g.request_id,
        "method": request.method,
        "path": path_template(),
        "item_id": (request.view_args or {}).get("item_id") if request.method in CHANGES else None,
        "status": response.status_code,
        "ms": round(elapsed() * 1000, 1),
        "bytes": response.content_length or response.calculate_content_length(),
        "code": problem_code(response),
        "key": g.get("key_name"),
    }
    _log.info(
        "request", extra={"fields": {name: value for name, value in fields.items() if value is not None}}
    )
    return response


def install_request_log(app: Flask) -> None:
    """Log a line for each request of `app`, once it is answered."""
    app.after_request(_log_request)
