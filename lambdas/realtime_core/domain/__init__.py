"""Rules of the service as functions of values: no I/O, no clock, no environment."""
