"""EventBridge and what feeds it: patterns, targets, uploads to S3, images in ECR, streams of DynamoDB."""
