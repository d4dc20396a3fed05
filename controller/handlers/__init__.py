"""The Lambda entry points: one module for each function, which imports nothing that only another one needs."""

import gc

# What a cold start makes stays, the modules and AWS's models of its APIs: Python would look for garbage among it
# after every 2,000 new objects, for a tenth of the time.
gc.set_threshold(100_000)
