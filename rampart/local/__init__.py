"""`rampart local`: an embedded AWS that keeps running, for a person to play with from a second terminal.

`place` is where a running one is found: who holds its lock runs, and one that was killed holds nothing. `session`
keeps the demonstration's shop running, with steady traffic, and tells of every transition. `push` releases
something there from another terminal.
"""
