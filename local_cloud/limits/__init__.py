"""AWS's limits as pure rules: a request that AWS refuses gives AWS's own error."""
