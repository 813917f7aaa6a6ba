"""Delivery jobs of the tests."""

from realtime_core.push.base import DeliveryJob

NOW = 1_795_382_480


def job(*connection_ids, **more):
    return DeliveryJob('{"type":"x"}', connection_ids, "deal", "e1", NOW * 1000, **more)
