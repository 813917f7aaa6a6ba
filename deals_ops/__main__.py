"""`python -m deals_ops`."""

import sys

from deals_ops.main import main

if __name__ == "__main__":
    sys.exit(main())
