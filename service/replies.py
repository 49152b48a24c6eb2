"""Answers on their way out."""

from flask import Response, jsonify

from service.responses import Body


def reply(body: Body, status: int = 200) -> Response:
    """Return a body as JSON that nothing may store."""
    response = jsonify(body.model_dump(exclude_unset=True))
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response
