"""ECR: repositories, images and tags."""
