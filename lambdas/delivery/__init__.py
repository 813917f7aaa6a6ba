"""Lambda behind the deliveries queue: posts to connections."""
