"""The operator's command line: look at a deployed or local stack, and mend it.

    python -m deals_ops status --environment production

See docs/operator_cli.md. It runs from a checkout, on the development environment of `make setup`.
"""

import sys
from pathlib import Path

# The shared library is no installed package: it lies in the checkout, beside this one.
_LAMBDAS = str(Path(__file__).resolve().parent.parent / "lambdas")
if _LAMBDAS not in sys.path:
    sys.path.append(_LAMBDAS)
