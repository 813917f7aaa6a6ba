"""What `lambdas/build.py` is made of: from a function's folder to a zip that is the same everywhere."""
