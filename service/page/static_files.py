"""The page's scripts and styles as they are served: without comments, spaces and long names."""

import json
import logging
import re
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path

from flask import Flask, Response, request

COMPONENT = "embed.js"
MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css"}

_MINIFY = """
import json, minify, sys
print(json.dumps({name: minify.string(*file) for name, file in json.load(sys.stdin).items()}))
"""

_once = threading.Lock()
_log = logging.getLogger(__name__)


def _source(path: Path) -> str:
    """Return a file; the web component with the modules that it imports in the place of their imports."""
    text = path.read_text("utf-8")
    if path.name != COMPONENT:
        return text

    def imported(line: re.Match[str]) -> str:
        return re.sub(r"^export ", "", _source(path.with_name(line[1])), flags=re.MULTILINE)

    return re.sub(r'^import .* from "\./([\w-]+\.js)";.*\n', imported, text, flags=re.MULTILINE)


@cache
def _served(folder: Path) -> dict[str, bytes]:
    """Return the scripts and styles of a folder by their names, minified where that is possible.

    The minifier is a library in Go, whose threads and handlers of signals don't belong into a worker of
    gunicorn: it has a process of its own, once.
    """
    paths = [path for path in sorted(folder.iterdir()) if path.suffix in MEDIA_TYPES]
    files = {path.name: (MEDIA_TYPES[path.suffix], _source(path)) for path in paths}
    command = [sys.executable, "-c", _MINIFY]
    done = subprocess.run(command, input=json.dumps(files), capture_output=True, text=True)
    if done.returncode != 0:
        _log.warning("Scripts and styles are served as they were written: %s", done.stderr.strip()[-200:])
        return {name: text.encode() for name, (_, text) in files.items()}
    return {name: text.encode() for name, text in json.loads(done.stdout).items()}


class Site(Flask):
    """Flask that sends scripts and styles minified."""

    def send_static_file(self, filename: str) -> Response:
        """Send a file of the static folder; a browser asks whether what it has is still the same."""
        with _once:
            served = _served(Path(self.static_folder or "")).get(filename)
        if served is None:
            return super().send_static_file(filename)
        response = Response(served, mimetype=MEDIA_TYPES[Path(filename).suffix])
        response.cache_control.no_cache = True
        response.add_etag()
        response.make_conditional(request)
        return response
