"""The test engine: strict models behind the ports, a virtual clock, and the real state machine with the real tasks.

`world` puts it together and is what stories use; `account` is what there is before anything is deployed. `timeline`
holds what is going to happen, and decides with the clock what goes next. `step_functions` runs executions side by
side, each a `walker` of state_machine/deployment.asl.json. `lambdas` runs functions, which may die or take turns;
`deliveries` and `events` bring them what AWS tells. `points` and `faults` are where, and how, a call of AWS goes
wrong. `model_client` lets the controller's own adapters talk to the models without HTTP, and `memory` holds the
ports that need no model.
"""
