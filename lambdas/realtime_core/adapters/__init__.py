"""The ports' implementations on AWS services, and their in-memory twins."""
