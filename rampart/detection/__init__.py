"""Detection: how bad a release must be for a plan to roll it back, at the traffic that its alias has.

It is told before anything is deployed. A few dozen rollouts are played in plain Python, a minute at a
time, and judged by the scale of controller/core/comparison.py with its floors and thresholds: what is predicted is
what is deployed. `played` plays one rollout, `search` looks for the failure rates, `words` says what came of it:

    for told in detections(planned, minute_seconds):   # planned: the record as with_history returns it
        print(*told.lines, sep="\\n")
"""
