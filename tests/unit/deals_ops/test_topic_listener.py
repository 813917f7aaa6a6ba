"""The client of `tail` against a server that sends what API Gateway and the service send."""

import json
import threading

import pytest
from websockets.sync.server import serve

from deals_ops.errors import CallFailed, NotAllowed, WrongArgument
from deals_ops.topic_listener import ATTEMPTS_MAX, HEARTBEATS_MAX, TopicListener


def event(position):
    return {
        "type": "dealUpdate",
        "data": {},
        "timestamp": 1,
        "topic": "a",
        "eventId": f"e{position}",
        "position": position,
    }


class ScriptedServer:
    """Runs a script for each connection: a step answers or hears a request, pushes a frame, or ends."""

    def __init__(self, *scripts, status=None):
        self.scripts, self.requests, self.tokens = list(scripts), [], []
        self._server = serve(
            self._run_script, "127.0.0.1", 0, process_request=lambda _c, _r: self._reject(_c, status)
        )
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _reject(self, connection, status):
        return connection.respond(status, "") if status else None

    def _run_script(self, socket):
        self.tokens.append(socket.request.headers["Authorization"])
        for step in self.scripts.pop(0):
            if step == "drop":
                socket.socket.shutdown(2)
                return
            if step == "hear":
                self.requests.append((json.loads(socket.recv())["action"], None))
            elif isinstance(step, tuple):
                request = json.loads(socket.recv())
                self.requests.append((request["action"], request["data"]))
                type_, data = step
                socket.send(json.dumps({"type": type_, "data": data, "requestId": request["requestId"]}))
            else:
                socket.send(json.dumps(step))
        socket.recv()  # until the client disconnects

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()


def receive(server, count, **options):
    notes = []
    tokens = iter(f"t{number}" for number in range(100))
    listener = TopicListener(
        server.url, "a", {}, lambda: next(tokens), notes.append, sleep=lambda _: None, **options
    )
    events = listener.events()
    positions = [next(events)["position"] for _ in range(count)]
    events.close()
    return positions, notes


def confirmed(position, **more):
    return ("subscriptionConfirmed", {"topic": "a", "filters": {}, "position": position, **more})


def test_a_replay_of_several_pages_comes_in_order_before_live_events():
    script = [
        event(9),  # overtakes the first reply
        confirmed(5, events=[event(4), event(5)], more=True),
        confirmed(6, events=[event(6)]),
        event(6),  # replayed and live
        {"type": "batch", "data": {"frames": [event(7), event(8)]}, "timestamp": 1},
        event(10),
    ]
    with ScriptedServer(script) as server:
        positions, _ = receive(server, 7, since=3)
    assert positions == [4, 5, 6, 9, 7, 8, 10]
    assert [data.get("since") for _, data in server.requests] == [3, 5]


def test_a_lost_connection_resumes_after_the_highest_position_with_a_new_token():
    first = [confirmed(2), event(3), event(4), "drop"]
    second = [confirmed(5, events=[event(4), event(5)])]
    with ScriptedServer(first, second) as server:
        positions, notes = receive(server, 3)
    assert positions == [3, 4, 5]
    assert [data.get("since") for _, data in server.requests] == [None, 4]
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
    with ScriptedServer(first, [confirmed(2, events=[event(2)])]) as server:
        positions, notes = receive(server, 2)
    assert positions == [1, 2]
    assert ("refreshToken", {"token": "t1"}) in server.requests
    assert "the server asked to reconnect" in notes


def test_a_gap_in_the_history_is_reported():
    with ScriptedServer([confirmed(9, recovered=False, events=[event(9)])]) as server:
        _, notes = receive(server, 1, since=3)
    assert "the history does not reach back to 3: some events are missing" in notes


def test_a_refusal_is_reported_and_not_retried():
    with (
        ScriptedServer([("error", {"code": "VALIDATION_ERROR", "message": "no"})]) as server,
        pytest.raises(WrongArgument, match="subscribeToDeals was refused: VALIDATION_ERROR: no"),
    ):
        receive(server, 1)
    with ScriptedServer(status=403) as server, pytest.raises(NotAllowed, match="refused \\(403\\)"):
        receive(server, 1)


def test_a_temporary_error_is_retried():
    temporary = ("error", {"code": "SUBSCRIPTION_ERROR", "message": "could not be stored"})
    with ScriptedServer([temporary], [confirmed(1), event(2)]) as server:
        positions, notes = receive(server, 1)
    assert positions == [2]
    assert any("could not be stored" in note for note in notes)


def test_an_unreachable_server_fails_after_the_last_attempt():
    with ScriptedServer(status=500) as server, pytest.raises(CallFailed, match="answered 500"):
        receive(server, 1)
    with (
        ScriptedServer(*[["drop"]] * ATTEMPTS_MAX) as server,
        pytest.raises(CallFailed, match="no connection"),
    ):
        receive(server, 1)


@pytest.fixture
def hasty(monkeypatch):
    monkeypatch.setattr("deals_ops.topic_listener.HEARTBEAT_SECONDS", 0.05)


HEARTBEATS = ["hear"] * HEARTBEATS_MAX


@pytest.mark.parametrize(
    "answer",
    [
        ("error", {"code": "CONNECTION_ERROR", "message": "reconnect"}),
        ("statusUpdate", {"subscriptions": []}),
        ("statusUpdate", {"subscriptions": [{"topic": "b", "filters": {}}]}),
    ],
)
def test_a_silent_connection_that_the_server_does_not_know_is_replaced(hasty, answer):
    """A ping would be answered for ever."""
    with ScriptedServer([confirmed(5), *HEARTBEATS, answer], [confirmed(7, events=[event(7)])]) as server:
        positions, notes = receive(server, 1)
    assert positions == [7]
    heartbeats = ["keepAlive"] * HEARTBEATS_MAX
    asked = [action for action, _ in server.requests]
    assert asked == ["subscribeToDeals", *heartbeats, "getStatus", "subscribeToDeals"]
    assert server.requests[-1][1]["since"] == 5
    assert len(notes) == 1


def test_a_silent_connection_that_is_subscribed_is_kept(hasty):
    subscribed = ("statusUpdate", {"subscriptions": [{"topic": "a", "filters": {}}]})
    silent = [*HEARTBEATS, subscribed]
    with ScriptedServer([confirmed(5), *silent, *silent, event(6)]) as server:
        assert receive(server, 1) == ([6], [])
