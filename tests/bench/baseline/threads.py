"""The usual remedy: the same client, and a pool of threads around it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

THREADS = 50


def post(management: Any, payload: str, connection_ids: Sequence[str]) -> int:
    """Post to each connection; how many."""

    def one(connection_id: str) -> None:
        management.post_to_connection(ConnectionId=connection_id, Data=payload)

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(1 for _ in pool.map(one, connection_ids))
