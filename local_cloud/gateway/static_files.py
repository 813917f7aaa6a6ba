"""Serves the console's built page from the front's port, so that page, socket and calls share an origin."""

from __future__ import annotations

import hashlib
import mimetypes
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from local_cloud.settings import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "/console"
DIST = REPOSITORY / "clients" / "console" / "dist"
"""What `npm run build` of clients/console writes; it is committed."""

BUILD = "`make build-console`"

# No inline script or style, no HTML sink, no other host: terraform/modules/console sends the same policy.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # A new build is seen at once; the files come from this machine.
    "Cache-Control": "no-cache",
}
_TAG_CHARS = 32
# What the machine's own table of types may not know, or know otherwise.
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".woff2": "font/woff2",
}


def serves(path: str) -> bool:
    """Return whether a path belongs to the console."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


class StaticFiles:
    """The files below a folder, under `/console/`."""

    def __init__(self, folder: Path = DIST) -> None:
        self._folder = folder.resolve()

    def serve(self, request: web.BaseRequest) -> web.Response:
        """Answer a request for a file; the index for the folder itself. Every answer has the headers."""
        if request.method not in {hdrs.METH_GET, hdrs.METH_HEAD}:
            return _answer(405, "These are files: read them by GET.", {"Allow": "GET, HEAD"})
        if request.path == PREFIX:
            return _answer(308, "", {"Location": f"{PREFIX}/"})
        if not (self._folder / "index.html").is_file():
            return _answer(404, f"{self._folder} holds no built page: run {BUILD}")

        name = request.path.removeprefix(f"{PREFIX}/") or "index.html"
        file = self._find(name)
        if file is None:
            return _answer(404, f"The console has no file {name!r}; its page is {PREFIX}/")
        content_type = (
            _TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        )
        charset = "utf-8" if content_type.startswith("text/") or file.suffix == ".json" else None
        body = file.read_bytes()
        headers = {**HEADERS, hdrs.ETAG: f'"{hashlib.sha256(body).hexdigest()[:_TAG_CHARS]}"'}
        if request.headers.get(hdrs.IF_NONE_MATCH) == headers[hdrs.ETAG]:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, content_type=content_type, charset=charset, headers=headers)

    def _find(self, name: str) -> Path | None:
        """Return the file of a name; None for one that does not exist, is hidden or lies outside.

        The name is only compared with those that are there: no request makes a path.
        """
        for file in self._folder.rglob("*"):
            relative = file.relative_to(self._folder)
            is_own = file.resolve().is_relative_to(self._folder) and file.is_file()
            if relative.as_posix() == name and is_own and not any(p.startswith(".") for p in relative.parts):
                return file
        return None


def _answer(status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status,
        text=text,
        content_type="text/plain",
        charset="utf-8",
        headers={**HEADERS, **(headers or {})},
    )
