"""Lambda behind the deliveries queue: posts, and nothing else."""
