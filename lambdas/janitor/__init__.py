"""The janitor function: what nobody's event triggers."""
