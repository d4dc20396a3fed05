"""Rampart's controller: what runs in Lambda while a new version takes over an alias.

These are the stages of a deployment, in the order in which the state machine visits them.

intake     turns an event of S3 or ECR into an artifact, finds the targets that want it, starts one execution each.
Plan       judges artifact and target, reads the traffic of late, claims the functions, writes the record.
Publish    updates the code, waits until Lambda is ready, publishes the candidate version.
Verify     asks the candidate its test events before any traffic, and hears hooks before each weight and promotion.
Shift      gives the candidate the weight of the next step, on every member.
Bake       waits at that weight, and asks hooks; the end of the wait, or whoever has something to say, ends it.
Judge      compares the versions, looks at rules, alarms, marks and time, comes to a verdict and decides.
Promote    closes the record of a candidate that has baked at full weight, frees the claims.
RollBack   puts the alias back on the baseline wherever it carries what this deployment wrote.
GiveUp     records that the alias could not be put back, keeps the claims, raises CRITICAL.
signal     stops a deployment in the middle, because its alarm fired.
control    does what people ask: hold, promote or stop a deployment, open its gate, undo it, try it again.
restore    puts the alias back for an execution that died without doing so.
reconcile  finishes on a schedule what was left half-way, because an event was lost.
notify     reads each transition from the table's stream and tells the event bus.

`core` decides and is pure: no AWS, no clock, no environment. `tasks` act on what `core` decided, through the
words of `ports`. `adapters` translate ports to AWS's clients and back. `handlers` are the Lambda entry
points, one module each.
Dependencies point inwards: handlers -> tasks -> core, adapters -> ports -> core.
"""
