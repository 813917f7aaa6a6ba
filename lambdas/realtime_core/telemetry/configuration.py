"""Configures logs and metrics by a function's settings."""

from __future__ import annotations

from collections.abc import Mapping

from realtime_core.settings import LoggingSettings, read_valid
from realtime_core.telemetry import logs
from realtime_core.telemetry.metrics import recorder


def configure(environ: Mapping[str, str]) -> None:
    """Configure both by LOG_LEVEL, LOG_SAMPLE_RATE and SERVICE; a value that is not valid counts as not set.

    Its error is raised by `settings.read`, and needs a log to go to.
    """
    settings = read_valid(LoggingSettings, environ)
    logs.configure(level=settings.log_level, sample_rate=settings.log_sample_rate)
    # Lambda's own variable, and so no setting of ours.
    function = environ.get("AWS_LAMBDA_FUNCTION_NAME") or "unknown"
    recorder.configure(service=settings.service, function=function)
