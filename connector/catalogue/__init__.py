"""The centre's catalogue and the hospital's own items matched to it (对照)."""
