"""The parts of `lambdas/build.py`, which builds the same zips everywhere."""
