"""Another version of one function, while people are connected: one line in, one line out."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import shutil
import zipfile

import pytest

from local_cloud.packages import upload_packages
from local_cloud.stack import MANIFEST
from tests.e2e.test_terraform import NEVER_SETTLED

FUNCTION = "message_router"
VERSION = "99.0.0"
IN_THE_PLAN = {
    f'module.deals_websocket.module.function["{FUNCTION}"].aws_lambda_function.this',
    f'module.deals_websocket.module.function["{FUNCTION}"].aws_lambda_alias.live[0]',
}


@pytest.fixture
def manifest():
    """A manifest that also knows another version of the function, beside the build's own."""
    known = json.loads(MANIFEST.read_text())
    (current,) = [package for package in known["packages"] if package["name"] == FUNCTION]
    zipped = MANIFEST.with_name(f"{FUNCTION}-{VERSION}.zip")
    path = MANIFEST.with_name(f"with-{VERSION}.json")
    try:
        shutil.copyfile(MANIFEST.with_name(current["file"]), zipped)
        with zipfile.ZipFile(zipped, "a") as archive:
            archive.writestr("VERSION", VERSION)
        digest = hashlib.sha256(zipped.read_bytes()).hexdigest()
        other = {**current, "version": VERSION, "file": zipped.name, "sha256": digest}
        path.write_text(json.dumps({**known, "earlier": [other]}))
        yield path
    finally:
        zipped.unlink(missing_ok=True)
        path.unlink(missing_ok=True)


def _deployed(stack):
    """Return the SHA-256 (base64) of each function's code in service."""
    client = stack.stack.client("lambda")
    return {
        function: client.get_function(FunctionName=name, Qualifier="live")["Configuration"]["CodeSha256"]
        for function, name in stack.outputs["function_names"].items()
    }


async def _ask_until(person, done):
    """Ping again and again; return the replies."""
    replies = []
    while not done.done():
        replies.append(await person.ask("ping", requestId=f"p{len(replies)}"))
        await asyncio.sleep(0.1)
    return replies


@pytest.mark.timeout(600)
async def test_one_line_changes_one_function_and_no_connection_notices(
    stack, connects, user, topic, manifest
):
    before = _deployed(stack)
    upload_packages(stack.stack.client("s3"), manifest)
    asked = stack.stack.terraform.with_variables(
        {"packages_manifest": str(manifest), "function_versions": json.dumps({FUNCTION: VERSION})}
    )
    planned = {address for address in asked.changes() if not NEVER_SETTLED.fullmatch(address)}
    assert planned == IN_THE_PLAN

    person = await connects(user)
    await person.subscribe(topic)
    connection_id = await person.connection_id()

    for terraform in (asked, stack.stack.terraform):
        applying = asyncio.ensure_future(asyncio.to_thread(terraform.apply, lambda _line: None))
        replies = await _ask_until(person, applying)
        await applying
        assert len(replies) > 5
        assert {reply["type"] for reply in replies} == {"pong"}

        deployed = _deployed(stack)
        if terraform is asked:
            other = hashlib.sha256(manifest.with_name(f"{FUNCTION}-{VERSION}.zip").read_bytes()).digest()
            assert deployed == {**before, FUNCTION: base64.b64encode(other).decode()}
        else:
            assert deployed == before  # rolled back by leaving the line out

        title = "desk" if terraform is asked else "sofa"
        stack.publish(topic=topic, data={"title": title})
        await person.hears(lambda frame, title=title: frame.get("data", {}).get("title") == title)
        assert await person.connection_id() == connection_id
