"""The redis_relay function: forwards Redis channels and a stream to `broadcast`."""
