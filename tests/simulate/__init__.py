"""Stories of simulated rollouts."""
