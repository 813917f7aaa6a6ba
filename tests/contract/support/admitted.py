"""Events as publishers admit them to a history, for tests."""

import json

from realtime_core.history.base import NewEvent

NOW_MS = 1_795_382_480_000
BEGAN = NOW_MS * 1000
"""The first position of a history that begins at NOW_MS."""


def new_event(event_id, topic="books", **data):
    text = {"eventId": event_id, "messageType": "dealUpdate", "topic": topic, "data": data, "filters": {}}
    return NewEvent(event_id, json.dumps(text))


def claim(stores, event_id, now_ms=NOW_MS, **data):
    return stores.admission.claim(new_event(event_id, **data), now_ms)


def publish(stores, event_id, now_ms=NOW_MS, **data):
    """Claim an event and finish it, as if it was pushed directly."""
    claimed = claim(stores, event_id, now_ms, **data)
    stores.admission.finish(claimed, f"answer of {event_id}", in_flight=False)
    return claimed


def stored_events(stores, first=1, last=10**17):
    newest = stores.history.bounds().newest
    first = max(first, newest - 2_000)
    return [event for page in stores.history.events(first, min(last, newest)) for event in page.events]
