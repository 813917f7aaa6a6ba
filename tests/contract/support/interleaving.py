"""Runs requests side by side in an order that a seed decides: one of them at a time, from call to call."""

import random
import threading
from contextlib import contextmanager

from tests.contract.support.watched_clients import hooked


class Interleaving:
    """Lets one thread at a time make its next call; the seed decides which."""

    def __init__(self, seed):
        self._random = random.Random(seed)
        self._changed = threading.Condition()
        self._waiting = {}
        self._running = None

    def run(self, *requests):
        """Run the requests; returns their results or errors."""
        results = [None] * len(requests)
        left = set(range(len(requests)))

        def work(number, request):
            self._wait(number)
            try:
                results[number] = request()
            except Exception as error:  # noqa: BLE001 - the test checks it
                results[number] = error
            with self._changed:
                left.discard(number)
                self._running = None
                self._changed.notify_all()

        threads = [
            threading.Thread(target=work, args=pair, name=str(pair[0])) for pair in enumerate(requests)
        ]
        for thread in threads:
            thread.start()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._running is None and set(self._waiting) == left)
                if not left:
                    break
                self._running = self._random.choice(sorted(self._waiting))
                self._waiting.pop(self._running)
                self._changed.notify_all()
        for thread in threads:
            thread.join()
        return results

    def _wait(self, number):
        with self._changed:
            self._waiting[number] = True
            self._running = None if self._running == number else self._running
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._running == number)

    @contextmanager
    def calls_of(self, client):
        """Make the calls of a client the moments at which another request may go on."""

        with hooked(client, lambda _operation, _parameters: self.pause()):
            yield

    def pause(self):
        """Let another request go on, if one of ours is running."""
        name = threading.current_thread().name
        if name.isdigit():
            self._wait(int(name))
