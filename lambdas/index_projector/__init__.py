"""The index_projector function: keeps the fan-out index in Redis equal to the subscriptions table."""
