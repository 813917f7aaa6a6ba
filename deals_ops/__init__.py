"""The operator's command line: inspect and repair a deployed or local stack.

    python -m deals_ops status --environment production

See docs/operator_cli.md. It runs from a checkout, in the development environment of `make setup`.
"""
