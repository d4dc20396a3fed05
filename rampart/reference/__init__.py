"""The documents that are written from the code: who may do what, and what teams are told.

Prose is written by hand; what the code knows stands between two markers and is written by
`python -m rampart.reference`, which `make docs` runs.
"""
