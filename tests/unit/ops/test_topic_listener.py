"""The client behind `tail`, against a server that says what API Gateway and the service say."""

import json
import threading

import pytest
from websockets.sync.server import serve

from deals_ops.errors import CallFailed, NotAllowed, WrongArgument
from deals_ops.topic_listener import ATTEMPTS_MAX, Listener


def event(position):
    return {
        "type": "dealUpdate",
        "data": {},
        "timestamp": 1,
        "topic": "a",
        "eventId": f"e{position}",
        "position": position,
    }


class Server:
    """Plays a script a connection: each step answers a request, pushes frames, or ends the connection."""

    def __init__(self, *scripts, status=None):
        self.scripts, self.asked, self.tokens = list(scripts), [], []
        self._server = serve(
            self._play, "127.0.0.1", 0, process_request=lambda _c, _r: self._refusal(_c, status)
        )
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _refusal(self, connection, status):
        return connection.respond(status, "") if status else None

    def _play(self, socket):
        self.tokens.append(socket.request.headers["Authorization"])
        for step in self.scripts.pop(0):
            if step == "cut":
                socket.socket.shutdown(2)
                return
            if isinstance(step, tuple):
                asked = json.loads(socket.recv())
                self.asked.append((asked["action"], asked["data"]))
                type_, data = step
                socket.send(json.dumps({"type": type_, "data": data, "requestId": asked["requestId"]}))
            else:
                socket.send(json.dumps(step))
        socket.recv()  # until the client goes

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()


def heard(server, count, **options):
    notes = []
    tokens = iter(f"t{number}" for number in range(100))
    listener = Listener(
        server.url, "a", {}, lambda: next(tokens), notes.append, sleep=lambda _: None, **options
    )
    events = listener.events()
    positions = [next(events)["position"] for _ in range(count)]
    events.close()
    return positions, notes


def confirmed(position, **more):
    return ("subscriptionConfirmed", {"topic": "a", "filters": {}, "position": position, **more})


def test_a_replay_of_several_pages_comes_in_order_before_what_is_live():
    script = [
        event(9),  # overtakes the first answer
        confirmed(5, events=[event(4), event(5)], more=True),
        confirmed(6, events=[event(6)]),
        event(6),  # by replay and live
        {"type": "batch", "data": {"frames": [event(7), event(8)]}, "timestamp": 1},
        event(10),
    ]
    with Server(script) as server:
        positions, _ = heard(server, 7, since=3)
    assert positions == [4, 5, 6, 9, 7, 8, 10]
    assert [data.get("since") for _, data in server.asked] == [3, 5]


def test_a_lost_connection_goes_on_after_the_highest_position_with_a_token_of_its_own():
    first = [confirmed(2), event(3), event(4), "cut"]
    second = [confirmed(5, events=[event(4), event(5)])]
    with Server(first, second) as server:
        positions, notes = heard(server, 3)
    assert positions == [3, 4, 5]
    assert [data.get("since") for _, data in server.asked] == [None, 4]
    assert server.tokens == ["Bearer t0", "Bearer t1"]
    assert any("disconnected" in note for note in notes)


def test_it_follows_a_request_to_reconnect_and_refreshes_its_token():
    first = [
        confirmed(0),
        {"type": "tokenExpiring", "data": {"expiresAt": 1}, "timestamp": 1},
        ("tokenRefreshed", {"expiresAt": 2}),
        event(1),
        {"type": "reconnect", "data": {"reason": "lifetime", "graceSeconds": 60}, "timestamp": 1},
    ]
    with Server(first, [confirmed(2, events=[event(2)])]) as server:
        positions, notes = heard(server, 2)
    assert positions == [1, 2]
    assert ("refreshToken", {"token": "t1"}) in server.asked
    assert "the server asked to reconnect" in notes


def test_a_gap_in_the_history_is_said():
    with Server([confirmed(9, recovered=False, events=[event(9)])]) as server:
        _, notes = heard(server, 1, since=3)
    assert "the history does not reach back to 3: some events are missing" in notes


def test_what_the_server_refuses_is_said_and_not_tried_again():
    with (
        Server([("error", {"code": "VALIDATION_ERROR", "message": "no"})]) as server,
        pytest.raises(WrongArgument, match="subscribeToDeals was refused: VALIDATION_ERROR: no"),
    ):
        heard(server, 1)
    with Server(status=403) as server, pytest.raises(NotAllowed, match="refused \\(403\\)"):
        heard(server, 1)


def test_what_may_pass_is_tried_again():
    passing = ("error", {"code": "SUBSCRIPTION_ERROR", "message": "could not be stored"})
    with Server([passing], [confirmed(1), event(2)]) as server:
        positions, notes = heard(server, 1)
    assert positions == [2]
    assert any("could not be stored" in note for note in notes)


def test_a_server_that_cannot_be_reached_is_given_up_in_the_end():
    with Server(status=500) as server, pytest.raises(CallFailed, match="answered 500"):
        heard(server, 1)
    with Server(*[["cut"]] * ATTEMPTS_MAX) as server, pytest.raises(CallFailed, match="no connection"):
        heard(server, 1)
