"""Figures of our own code, and the simulations beside them."""

import sys
from pathlib import Path

# pytest's setting `pythonpath` does this for the tests; benches run without it.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lambdas"))
