"""Events as publishers admit them to a history, for tests."""

import json

from realtime_core.errors import StoreUnavailable
from realtime_core.history.base import Finished, NewEvent

NOW_MS = 1_795_382_480_000
BEGAN = NOW_MS * 1000
"""The first position of a history that begins at NOW_MS."""


def new_event(event_id, topic="books", expires_at=None, **data):
    text = {"eventId": event_id, "messageType": "dealUpdate", "topic": topic, "data": data, "filters": {}}
    if expires_at is not None:
        text["expiresAt"] = expires_at
    return NewEvent(event_id, json.dumps(text), expires_at)


def claim(stores, event_id, now_ms=NOW_MS, **data):
    return admit(stores.admission, new_event(event_id, **data), now_ms)


def admit(admission, event, now_ms=NOW_MS):
    """The claim on one event. Raises StoreUnavailable where there is none."""
    (claimed,) = admission.claim_all([event], now_ms)
    if isinstance(claimed, StoreUnavailable):
        raise claimed
    return claimed


def finish(admission, claimed, answer="done", *, in_flight=False):
    """Finish one event."""
    admission.finish_all([Finished(claimed, answer, in_flight)])


def publish(stores, event_id, now_ms=NOW_MS, **data):
    """Claim an event and finish it, as if it was pushed directly."""
    claimed = claim(stores, event_id, now_ms, **data)
    finish(stores.admission, claimed, f"answer of {event_id}")
    return claimed


def stored_events(stores, first=1, last=10**17):
    newest = stores.history.bounds().newest
    first = max(first, newest - 2_000)
    return [event for page in stores.history.events(first, min(last, newest)) for event in page.events]
