"""The operator's command line: look at a deployed or local stack, and mend it.

    python -m deals_ops status --environment production

See docs/operator_cli.md. It runs from a checkout, on the development environment of `make setup`.
"""
