"""Doctor: what is wrong around a target before a deployment meets it, why that matters, and what mends it.

`finding` has the words; `alarms`, `callers`, `owners`, `sources` and `controller` judge what was read, and are
pure; `examine` reads, with the operator's own rights, and takes what it may not read for unknown.
"""
