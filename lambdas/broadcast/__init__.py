"""Lambda that receives published events, and selects the recipients of each."""
