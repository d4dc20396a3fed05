"""One contract for each port, held against every implementation of it."""
