"""One variant of posting in a process of its own: posts once to warm up, then measures, and prints JSON.

python posters.py VARIANT ENDPOINT COUNT CONNECTIONS PAYLOAD_BYTES. It runs in the environment of the variant:
that of the rivals, or the repository's for the engine.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import pycurl
    from awscrt import http

REGION = "eu-west-1"
Post = Callable[[Sequence[str]], int]


def engine(endpoint: str, _connections: int, payload: str) -> Post:
    """Ours; it decides itself how many connections it opens."""
    from realtime_core.push.management_api.client import ManagementApiClient

    client = ManagementApiClient(endpoint)
    return lambda ids: len(client.post(payload, ids, 120.0).delivered)


def boto3_serial(endpoint: str, _connections: int, payload: str) -> Post:
    """One post after the other."""
    import boto3

    client = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint, region_name=REGION)

    def post(ids: Sequence[str]) -> int:
        for connection_id in ids:
            client.post_to_connection(ConnectionId=connection_id, Data=payload)
        return len(ids)

    return post


def boto3_threads(endpoint: str, _connections: int, payload: str) -> Post:
    """The usual remedy: a pool of fifty threads."""
    from concurrent.futures import ThreadPoolExecutor

    import boto3
    from botocore.config import Config

    client = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=endpoint,
        region_name=REGION,
        config=Config(max_pool_connections=50),
    )

    def post(ids: Sequence[str]) -> int:
        with ThreadPoolExecutor(50) as pool:
            calls = pool.map(lambda one: client.post_to_connection(ConnectionId=one, Data=payload), ids)
            return sum(1 for _ in calls)

    return post


def libcurl(endpoint: str, connections: int, payload: str) -> Post:
    """libcurl's multi interface, which signs itself."""
    import pycurl

    key = f"{os.environ['AWS_ACCESS_KEY_ID']}:{os.environ['AWS_SECRET_ACCESS_KEY']}"

    def prepare(handle: pycurl.Curl) -> None:
        handle.setopt(pycurl.AWS_SIGV4, f"aws:amz:{REGION}:execute-api")
        handle.setopt(pycurl.USERPWD, key)

    return _multi(endpoint, connections, payload, prepare, lambda _handle, _name: None)


def libcurl_our_signer(endpoint: str, connections: int, payload: str) -> Post:
    """libcurl's multi interface with our signer, whose key is made once a day."""
    import pycurl

    from realtime_core.aws.credentials import Credentials
    from realtime_core.aws.endpoint import Endpoint
    from realtime_core.push.management_api.requests import ConnectionRequests

    requests = ConnectionRequests(Endpoint.of(endpoint), REGION)
    credentials = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    sign = requests.prepare("POST", payload.encode(), credentials, time.time())

    def headers(handle: pycurl.Curl, name: str) -> None:
        lines = sign(name).split(b"\r\n\r\n", 1)[0].split(b"\r\n")[1:]
        wanted = (b"x-amz-date", b"authorization")
        signed = [line for line in lines if line.lower().startswith(wanted)]
        handle.setopt(pycurl.HTTPHEADER, [*signed, b"Content-Type:", b"Expect:", b"Accept:", b"User-Agent:"])

    return _multi(endpoint, connections, payload, lambda _handle: None, headers)


def _multi(
    endpoint: str,
    connections: int,
    payload: str,
    prepare: Callable[..., None],
    before_each: Callable[..., None],
) -> Post:
    import pycurl

    multi = pycurl.CurlMulti()
    multi.setopt(pycurl.M_MAXCONNECTS, connections)
    handles = [pycurl.Curl() for _ in range(connections)]
    body = payload.encode()
    for handle in handles:
        handle.setopt(pycurl.CAINFO, os.environ["AWS_CA_BUNDLE"])
        handle.setopt(pycurl.POST, 1)
        handle.setopt(pycurl.POSTFIELDS, body)
        handle.setopt(pycurl.WRITEFUNCTION, len)
        handle.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        prepare(handle)

    def start(handle: pycurl.Curl, name: str) -> None:
        handle.setopt(pycurl.URL, f"{endpoint}/@connections/{name.replace('=', '%3D')}")
        before_each(handle, name)
        multi.add_handle(handle)

    def post(ids: Sequence[str]) -> int:
        names = iter(ids)
        for handle, name in zip(handles, names, strict=False):
            start(handle, name)
        running, reached = min(len(handles), len(ids)), 0
        while running:
            multi.perform()
            for handle in _ended(multi, connections):
                reached += handle.getinfo(pycurl.RESPONSE_CODE) == 200
                multi.remove_handle(handle)
                if (name := next(names, None)) is None:
                    running -= 1
                else:
                    start(handle, name)
            if running:
                multi.select(1.0)
        return reached

    return post


def _ended(multi: pycurl.CurlMulti, most: int) -> Iterator[pycurl.Curl]:
    """Yield the handles whose request has ended; raises RuntimeError for one that failed."""
    queued = 1
    while queued:
        queued, done, failed = multi.info_read(most)
        if failed:
            raise RuntimeError(failed[0][2])
        yield from done


def crt(endpoint: str, connections: int, payload: str) -> Post:
    """AWS's Common Runtime: HTTP and signatures in C, callbacks in Python."""
    import threading

    from awscrt import auth, http

    parts = urlsplit(endpoint)
    opened = _open_crt(parts.hostname, parts.port, connections)
    provider = auth.AwsCredentialsProvider.new_static(
        os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    )
    body = payload.encode()

    def post(ids: Sequence[str]) -> int:
        import io as streams

        names, reached, lock, done = iter(ids), [0], threading.Lock(), threading.Event()
        left = [len(ids)]
        faults: list[BaseException] = []

        def begin(connection: http.HttpClientConnection) -> None:
            with lock:
                name = next(names, None)
            if name is None:
                return
            request = http.HttpRequest(
                "POST",
                f"{parts.path}/@connections/{name.replace('=', '%3D')}",
                body_stream=streams.BytesIO(body),
            )
            request.headers.add("host", parts.netloc)
            request.headers.add("content-length", str(len(body)))
            config = auth.AwsSigningConfig(
                algorithm=auth.AwsSigningAlgorithm.V4,
                signature_type=auth.AwsSignatureType.HTTP_REQUEST_HEADERS,
                credentials_provider=provider,
                region=REGION,
                service="execute-api",
            )
            auth.aws_sign_request(request, config).add_done_callback(lambda signed: send(connection, signed))

        def answered(*, status_code: int, **_: object) -> None:
            reached[0] += status_code == 200

        def send(connection: http.HttpClientConnection, signed: object) -> None:
            stream = connection.request(signed.result(), answered)
            stream.completion_future.add_done_callback(lambda ended: finish(connection, ended))
            stream.activate()

        def finish(connection: http.HttpClientConnection, ended: object) -> None:
            faults.extend(filter(None, [ended.exception()]))
            with lock:
                left[0] -= 1
                if not left[0]:
                    done.set()
            begin(connection)

        for connection in opened:
            begin(connection)
        if not done.wait(120) or faults:
            raise RuntimeError(f"{left[0]} left; {faults[:1]}")
        return reached[0]

    return post


def _open_crt(host: str, port: int, connections: int) -> list[http.HttpClientConnection]:
    from awscrt import http, io

    group = io.EventLoopGroup(1)
    bootstrap = io.ClientBootstrap(group, io.DefaultHostResolver(group))
    options = io.TlsContextOptions()
    options.override_default_trust_store_from_path(None, os.environ["AWS_CA_BUNDLE"])
    tls = io.ClientTlsContext(options).new_connection_options()
    tls.set_server_name(host)
    opening = [
        http.HttpClientConnection.new(host, port, bootstrap=bootstrap, tls_connection_options=tls)
        for _ in range(connections)
    ]
    return [one.result(30) for one in opening]


VARIANTS: dict[str, Callable[[str, int, str], Post]] = {
    "engine": engine,
    "boto3": boto3_serial,
    "boto3-50-threads": boto3_threads,
    "libcurl": libcurl,
    "libcurl-our-signer": libcurl_our_signer,
    "awscrt": crt,
}


def _ids(count: int) -> Iterator[str]:
    return (f"L0SM{number:08}FvH=" for number in range(count))


def main() -> None:
    """Measure the variant that the arguments name."""
    variant, endpoint = sys.argv[1:3]
    count, connections, size = map(int, sys.argv[3:])
    post = VARIANTS[variant](endpoint, connections, "x" * size)
    warm = [*_ids(max(1, min(count, 2 * connections)))]
    assert post(warm) == len(warm)

    ids = [*_ids(count)]
    started, used = time.perf_counter(), time.process_time()
    reached = post(ids)
    took, cpu = time.perf_counter() - started, time.process_time() - used
    print(json.dumps({"reached": reached, "seconds": took, "cpu_seconds": cpu}))  # noqa: T201


if __name__ == "__main__":
    main()
