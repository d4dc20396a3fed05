"""Lambda: a strict model of the control plane and of invocation, and what runs the code."""
