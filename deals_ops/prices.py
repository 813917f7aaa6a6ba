"""AWS prices in US dollars: us-east-1, on demand, without free tiers. All estimates use these."""

from __future__ import annotations

AS_OF = "2026-11-23"

PER_MILLION = 1e-6
API_GATEWAY_MESSAGE = 1.00 * PER_MILLION
"""For each 32 KB, or part of it, of a WebSocket message in either direction."""
API_GATEWAY_MESSAGE_STEP = 1e9
"""Messages a month of an account and Region, above which each costs less."""
API_GATEWAY_MESSAGE_ABOVE_STEP = 0.80 * PER_MILLION
HTTP_API_REQUEST = 1.00 * PER_MILLION
"""Of the first 300 million a month, each 512 KB of a request counts as one."""
HTTP_API_REQUEST_BYTES = 512 * 1024
API_GATEWAY_MESSAGE_BYTES = 32 * 1024
API_GATEWAY_CONNECTION_MINUTE = 0.25 * PER_MILLION
LAMBDA_REQUEST = 0.20 * PER_MILLION
LAMBDA_GB_SECOND_ARM = 0.0000133334
SQS_REQUEST = 0.40 * PER_MILLION
SQS_REQUEST_BYTES = 64 * 1024
EVENTBRIDGE_EVENT = 1.00 * PER_MILLION
"""For each 64 KB, or part of it, of an event that is put on a bus."""
EVENTBRIDGE_EVENT_BYTES = 64 * 1024
TRANSFER_BETWEEN_REGIONS_GB = 0.02
DYNAMODB_WRITE_UNIT = 0.625 * PER_MILLION
DYNAMODB_READ_UNIT = 0.125 * PER_MILLION
FARGATE_VCPU_HOUR_ARM = 0.03238
FARGATE_GB_HOUR_ARM = 0.00356
CACHE_NODE_HOUR = 0.0128
"""cache.t4g.micro with Valkey, the smallest; Redis costs a quarter more."""
VPC_ENDPOINT_HOUR = 0.01
"""An interface endpoint in one Availability Zone."""
HOURS_A_MONTH = 730
DYNAMODB_GB_MONTH = 0.25
DYNAMODB_RECOVERY_GB_MONTH = 0.20
"""Point-in-time recovery, added to the price of storage."""
LOGS_GB = 0.50
"""Ingestion; storage, compressed, costs about a hundredth of that a month."""
METRIC_MONTH = 0.30
ALARM_MONTH = 0.10
DASHBOARD_MONTH = 3.00
SECRET_MONTH = 0.40
TRANSFER_GB = 0.09
"""From AWS to the internet."""


def count_messages(count: float, size: int) -> float:
    """Return as how many messages API Gateway bills `count` messages of `size` bytes."""
    return count * -(-size // API_GATEWAY_MESSAGE_BYTES)


def price_messages(billed: float) -> float:
    """Return the price of a month's billed messages through API Gateway, in both directions together."""
    above = max(0.0, billed - API_GATEWAY_MESSAGE_STEP)
    return (billed - above) * API_GATEWAY_MESSAGE + above * API_GATEWAY_MESSAGE_ABOVE_STEP


def price_lambda_time(invocations: float, seconds: float, memory_mb: int) -> float:
    """Return the price of invocations that run for `seconds` in total, on arm64."""
    return invocations * LAMBDA_REQUEST + seconds * memory_mb / 1024 * LAMBDA_GB_SECOND_ARM


def price_always_running(memory_mb: int, invocations_an_hour: float) -> float:
    """Return the monthly price of a function that runs without a pause, on arm64."""
    seconds = HOURS_A_MONTH * 3600
    return price_lambda_time(round(invocations_an_hour * HOURS_A_MONTH), seconds, memory_mb)


def price_fargate(tasks: int, vcpus: float, memory_gb: float) -> float:
    """Return the monthly price of Fargate tasks, Linux on arm64."""
    hour = vcpus * FARGATE_VCPU_HOUR_ARM + memory_gb * FARGATE_GB_HOUR_ARM
    return tasks * hour * HOURS_A_MONTH


def price_forwarded_events(count: float, size: int) -> float:
    """Return the price of events of `size` bytes that are put on a bus in another Region."""
    transferred = count * size / 1024**3 * TRANSFER_BETWEEN_REGIONS_GB
    return count * -(-size // EVENTBRIDGE_EVENT_BYTES) * EVENTBRIDGE_EVENT + transferred


def price_queue_messages(count: float, size: int) -> float:
    """Return the price of messages of `size` bytes through SQS, each sent, received and deleted alone."""
    return count * (2 * -(-size // SQS_REQUEST_BYTES) + 1) * SQS_REQUEST
