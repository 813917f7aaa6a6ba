"""The console's files: what is served, with which headers, and what is not."""

from __future__ import annotations

import asyncio
import http.client
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from local_cloud.gateway.static_files import DIST, POLICY, StaticFiles

pytestmark = pytest.mark.local_only("AWS serves no console")

# Nothing but the page's own files, and no way from a text to markup.
EXPECTED_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
FILES = {
    "index.html": "<!doctype html>",
    "config.json": "{}",
    "assets/page.js": "export {}",
    "assets/page.css": "body {}",
    "icon.svg": "<svg/>",
    ".hidden": "no",
}


@pytest.fixture
async def site(tmp_path):
    """Serve a folder on a real socket; return a function that sends one request as it is."""
    folder = tmp_path / "dist"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")

    async def serve(request):
        return StaticFiles(folder).serve(request)

    runner = web.ServerRunner(web.Server(serve))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield folder, runner.addresses[0][1]
    await runner.cleanup()


async def ask(port, target, method="GET", extra=""):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{extra}\r\n".encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    status, *lines = head.split("\r\n")
    return int(status.split()[1]), dict(line.split(": ", 1) for line in lines), body


@pytest.mark.parametrize(
    ("target", "content_type", "text"),
    [
        ("/console/", "text/html; charset=utf-8", FILES["index.html"]),
        ("/console/?x=1", "text/html; charset=utf-8", FILES["index.html"]),
        ("/console/index.html", "text/html; charset=utf-8", FILES["index.html"]),
        ("/console/config.json", "application/json; charset=utf-8", FILES["config.json"]),
        ("/console/assets/page.js", "text/javascript; charset=utf-8", FILES["assets/page.js"]),
        ("/console/assets/page.css", "text/css; charset=utf-8", FILES["assets/page.css"]),
        ("/console/icon.svg", "image/svg+xml", FILES["icon.svg"]),
    ],
)
async def test_file_is_served_with_its_type_and_all_headers(site, target, content_type, text):
    status, headers, body = await ask(site[1], target)

    assert (status, headers["Content-Type"], body) == (200, content_type, text)
    assert headers.items() >= EXPECTED_HEADERS.items()


@pytest.mark.parametrize(
    "target",
    [
        "/console/missing.js",
        "/console/assets",
        "/console/assets/",
        "/console/.hidden",
        "/console/../secret.txt",
        "/console/%2e%2e/secret.txt",
        "/console/assets/..%2f..%2f..%2fsecret.txt",
        "/console/link.txt",
        "/console//etc/passwd",
        "/console/index.html%00.js",
        pytest.param("/console/" + "a" * 300, id="a name too long for a file"),
    ],
)
async def test_anything_else_is_404_with_the_same_headers(site, target):
    status, headers, body = await ask(site[1], target)

    assert status == 404
    assert "secret" not in body.replace("secret.txt", "")
    assert headers.items() >= EXPECTED_HEADERS.items()


async def test_folder_without_slash_leads_to_the_page(site):
    status, headers, _ = await ask(site[1], "/console")

    assert (status, headers["Location"]) == (308, "/console/")


async def test_head_has_no_body_and_other_methods_are_refused(site):
    status, headers, body = await ask(site[1], "/console/", "HEAD")
    assert (status, body, headers["Content-Length"]) == (200, "", str(len(FILES["index.html"])))

    status, headers, _ = await ask(site[1], "/console/", "POST")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert headers.items() >= EXPECTED_HEADERS.items()


async def test_file_that_a_browser_has_is_not_sent_again_until_it_changes(site):
    folder, port = site
    tag = (await ask(port, "/console/"))[1]["Etag"]

    status, headers, body = await ask(port, "/console/", extra=f"If-None-Match: {tag}\r\n")
    assert (status, headers["Etag"], body) == (304, tag, "")
    assert headers.items() >= EXPECTED_HEADERS.items()

    (folder / "index.html").write_text("<!doctype html>new")
    status, headers, body = await ask(port, "/console/", extra=f"If-None-Match: {tag}\r\n")
    assert (status, body) == (200, "<!doctype html>new")
    assert headers["Etag"] != tag


async def test_page_that_is_not_built_names_the_remedy(site):
    folder, port = site
    (folder / "index.html").unlink()

    status, headers, body = await ask(port, "/console/")

    assert (status, "make build-console" in body, str(folder) in body) == (404, True, True)
    assert headers.items() >= EXPECTED_HEADERS.items()


def test_policy_leaves_no_way_from_a_text_to_markup():
    assert "require-trusted-types-for 'script'" in POLICY
    assert "unsafe" not in POLICY
    assert "data:" not in POLICY


def test_cloud_serves_the_built_page(cloud):
    address = urlsplit(cloud.endpoint)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    connection.request("GET", "/console/")
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()

    assert dict(response.headers).items() >= EXPECTED_HEADERS.items()
    built = (DIST / "index.html").is_file()
    assert (response.status, "<html" in text) == ((200, True) if built else (404, False))
