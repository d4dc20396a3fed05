"""Artifacts as the usual tools make them, and as nobody should: what is made of each."""
