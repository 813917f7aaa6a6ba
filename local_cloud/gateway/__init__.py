"""API Gateway's WebSocket data plane and `@connections`, on one port in front of an emulator."""
