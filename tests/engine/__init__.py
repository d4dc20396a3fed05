"""The test engine: the strict model behind the ports, a virtual clock, and the real state machine walked.

`world` puts it together and is what stories use. `model_client` lets the controller's own adapters talk to the
models of Lambda and CloudWatch without HTTP. `memory` holds the ports that need no model. `walker` interprets
state_machine/deployment.asl.json with the controller's real tasks.
"""
