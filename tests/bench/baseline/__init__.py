"""What this service is measured against: the guide's code, and the usual remedy for its slowness."""
