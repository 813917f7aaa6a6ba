"""The local cloud: AWS on this machine, with a faithful WebSocket gateway. See README.md."""

from local_cloud.cloud import LocalCloud
from local_cloud.settings import CloudFailed

__all__ = ["CloudFailed", "LocalCloud"]
