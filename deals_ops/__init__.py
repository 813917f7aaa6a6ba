"""The operator's command line: inspect and repair a deployed or local stack.

    python -m deals_ops status --environment production

See docs/operator_cli.md. It runs from a checkout, in the development environment of `make setup`.
"""

import sys
from pathlib import Path

# The shared library is not an installed package: it is a folder of the same checkout.
_LAMBDAS = str(Path(__file__).resolve().parent.parent / "lambdas")
if _LAMBDAS not in sys.path:
    sys.path.append(_LAMBDAS)
