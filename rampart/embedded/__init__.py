"""AWS on one machine: what a demonstration, a rehearsal or a test of Rampart needs of it, and no more.

`aws.EmbeddedAws` is the whole account: one process, one port of the loopback interface, no Docker. Whoever
has its URL in AWS_ENDPOINT_URL talks to it with plain boto3: the operator, the functions, the interpreter.

A request arrives at `front`, where `wire_format` turns HTTP into a `wire.Call` by botocore's own service
models, and `authoriser` holds it against the policies of the caller's role. Then it is answered, either by a
model of ours or by moto. Ours is what a deployment controller leans on and moto is too lenient about: Lambda
(`lambda_model`, whose code runs in `runtime` or `in_process`, and later in `asynchronous`), CloudWatch
(`cloudwatch_model`, fed by invocations and by the `emf` lines that functions log), and the delivery of events:
`events` matches and delivers, `event_patterns` shapes what is delivered, `event_targets` reaches the targets,
`streams` feeds functions from DynamoDB, `s3_events` tells of uploads. moto keeps the records of all other
services and interprets the state machines; `moto_guard` holds every name of moto's that is not public.

`deployer` puts the real SAM template into the account, through the same port. The models are pure: time comes
from `clock`, whose minute may be shorter than AWS's, chance from a seed, and neither knows of HTTP, so that
they serve a test on a virtual clock as well as they serve this account.
"""
