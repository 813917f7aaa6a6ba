"""Servers of tests, in a thread with an event loop of its own."""

import asyncio
import threading
from contextlib import contextmanager


@contextmanager
def serving_in_thread(loop, protocol, *, stop=None, **options):
    """Serve on a free port of this machine, which the block gets; `protocol` makes one for each connection.

    `stop(server)` is awaited in the loop before it ends. `options` are those of asyncio's create_server.
    """
    started, servers = threading.Event(), []

    async def serve():
        servers.append(await loop.create_server(protocol, "127.0.0.1", 0, **options))
        started.set()

    def run():
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield servers[0].sockets[0].getsockname()[1]
    finally:
        if stop is not None:
            asyncio.run_coroutine_threadsafe(stop(servers[0]), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
