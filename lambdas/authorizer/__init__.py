"""Lambda authorizer of the `$connect` route."""
