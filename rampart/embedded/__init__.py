"""AWS on one machine: what a demonstration, a rehearsal or a test of Rampart needs of it, and no more.

`aws.EmbeddedAws` is the whole account: one process, one port of the loopback interface, no Docker. Whoever
has its URL in AWS_ENDPOINT_URL talks to it with plain boto3: the operator, the functions, the interpreter.

A request arrives at `front`, where `wire_format` turns HTTP into a `wire.Call` by botocore's own service
models, and `iam` holds it against the policies of the caller's role. Then it is answered, either by a model of
ours or by moto. Ours is what a deployment controller leans on and moto is too lenient about: `aws_lambda`,
whose functions really run, `cloudwatch`, fed by their invocations and by the metrics that they log, and
`eventbridge`, which matches and delivers events, tells of uploads to S3 and feeds functions from DynamoDB.
moto keeps the records of all other services and interprets the state machines; `moto_guard` holds every name
of moto's that is not public.

`cloudformation` puts the real SAM template into the account, through the same port. The models are pure: time
comes from `clock`, whose minute may be shorter than AWS's, chance from a seed, and neither knows of HTTP, so
that they serve a test on a virtual clock as well as they serve this account.
"""
