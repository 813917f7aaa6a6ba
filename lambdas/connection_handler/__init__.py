"""Lambda of the `$connect` and `$disconnect` routes: the connection record."""
