"""Figures of our own code, and the simulations beside them."""
