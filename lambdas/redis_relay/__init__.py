"""Lambda that a schedule keeps running: from Redis channels and a stream into `broadcast`."""
