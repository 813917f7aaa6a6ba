"""The janitor function: the work on connections that no client's event triggers."""
