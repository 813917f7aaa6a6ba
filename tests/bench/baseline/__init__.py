"""What this service is measured against: the ways it replaces, and the usual remedy for their slowness."""
