"""What a plan can detect, and what it cannot, before anything is deployed."""
