"""What runs on a laptop: the operator's tool, the embedded AWS, the demonstration."""
