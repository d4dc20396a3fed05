"""Rollouts in simulated traffic: the controller's decisions and other systems', on the same requests.

`scenario` says what the traffic is like, and `traces` draws it: which requests come, which of them would fail under
either version, which only under the candidate, and when CloudWatch shows a minute. A trace knows nothing of who
deploys: `split` alone turns it into what each version serves at a weight, the same way for every policy. `ours`
drives the controller's decisions over a trace, `codedeploy` and `flagger` are the rules of those systems, and
`latency` does the same for slow answers. All of them tell what happened as `outcomes`.

Nothing here decides anything for Rampart: what is judged is what is deployed, imported from `controller.core`.
"""
