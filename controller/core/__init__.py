"""The decisions, free of AWS, clocks, environment and randomness: the standard library and pydantic only."""
