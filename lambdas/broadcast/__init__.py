"""Lambda that takes published events, and decides who gets each."""
