"""Shared code of the deals WebSocket service: a pure domain, ports, and adapters for AWS."""
