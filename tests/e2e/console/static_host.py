"""A static host that knows nothing of the service; its headers are those of terraform/modules/console."""

from __future__ import annotations

import json
import shutil
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from local_cloud.gateway.static_files import DIST, HEADERS, POLICY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POLICY_HEADER = "Content-Security-Policy"


@contextmanager
def serving(folder: Path, websocket_url: str) -> Iterator[tuple[str, list[str]]]:
    """Serve the built page for a service from an empty folder; yield the origin and the paths asked for."""
    shutil.copytree(DIST, folder)
    (folder / "config.json").write_text(json.dumps({"url": websocket_url}))
    parts, asked = urlsplit(websocket_url), list[str]()
    allowed = f"connect-src 'self' {parts.scheme}://{parts.netloc}"
    headers = HEADERS | {POLICY_HEADER: POLICY.replace("connect-src 'self'", allowed)}

    class Handler(SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            for name, value in headers.items():
                self.send_header(name, value)
            super().end_headers()

        def log_message(self, *_: Any) -> None:
            asked.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
