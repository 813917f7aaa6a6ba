"""What AWS charges: us-east-1, on demand, in US dollars, without free tiers. The one place that says so."""

from __future__ import annotations

AS_OF = "2026-11-23"

PER_MILLION = 1e-6
API_GATEWAY_MESSAGE = 1.00 * PER_MILLION
"""A WebSocket message in either direction, for each 32 KB or part of it."""
API_GATEWAY_MESSAGE_BYTES = 32 * 1024
API_GATEWAY_CONNECTION_MINUTE = 0.25 * PER_MILLION
LAMBDA_REQUEST = 0.20 * PER_MILLION
LAMBDA_GB_SECOND_ARM = 0.0000133334
SQS_REQUEST = 0.40 * PER_MILLION
SQS_REQUEST_BYTES = 64 * 1024
DYNAMODB_WRITE_UNIT = 0.625 * PER_MILLION
DYNAMODB_READ_UNIT = 0.125 * PER_MILLION
FARGATE_VCPU_HOUR_ARM = 0.03238
FARGATE_GB_HOUR_ARM = 0.00356
CACHE_NODE_HOUR = 0.0128
"""A cache.t4g.micro of Valkey, the smallest; Redis is a quarter dearer."""
VPC_ENDPOINT_HOUR = 0.01
"""An interface endpoint in one Availability Zone."""
HOURS_A_MONTH = 730
DYNAMODB_GB_MONTH = 0.25
DYNAMODB_RECOVERY_GB_MONTH = 0.20
"""Point-in-time recovery, on top of what is stored."""
LOGS_GB = 0.50
"""Taken in; what is kept compressed for a month costs a hundredth of that."""
METRIC_MONTH = 0.30
ALARM_MONTH = 0.10
DASHBOARD_MONTH = 3.00
SECRET_MONTH = 0.40
TRANSFER_GB = 0.09
"""Out of AWS to the internet."""


def messages(count: float, size: int) -> float:
    """So many messages of `size` bytes through API Gateway."""
    return count * -(-size // API_GATEWAY_MESSAGE_BYTES) * API_GATEWAY_MESSAGE


def lambda_time(invocations: float, seconds: float, memory_mb: int) -> float:
    """So many invocations that ran for so many seconds in all, on arm64."""
    return invocations * LAMBDA_REQUEST + seconds * memory_mb / 1024 * LAMBDA_GB_SECOND_ARM


def always_running(memory_mb: int, invocations_an_hour: float) -> float:
    """A function of which one invocation always runs, for a month, on arm64."""
    seconds = HOURS_A_MONTH * 3600
    return lambda_time(round(invocations_an_hour * HOURS_A_MONTH), seconds, memory_mb)


def fargate(tasks: int, vcpus: float, memory_gb: float) -> float:
    """So many Fargate tasks of Linux on arm64 for a month."""
    hour = vcpus * FARGATE_VCPU_HOUR_ARM + memory_gb * FARGATE_GB_HOUR_ARM
    return tasks * hour * HOURS_A_MONTH


def queueing(messages_count: float, size: int) -> float:
    """Messages of `size` bytes through SQS: sent, received and deleted one by one, the dearest way."""
    return messages_count * (2 * -(-size // SQS_REQUEST_BYTES) + 1) * SQS_REQUEST
