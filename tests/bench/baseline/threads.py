"""The usual remedy: the same client with a pool of threads."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

THREADS = 50


def post(management: Any, payload: str, connection_ids: Sequence[str]) -> int:
    """Post to each connection; return their number."""

    def post_one(connection_id: str) -> None:
        management.post_to_connection(ConnectionId=connection_id, Data=payload)

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(1 for _ in pool.map(post_one, connection_ids))
