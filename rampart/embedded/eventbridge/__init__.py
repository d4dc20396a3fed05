"""EventBridge and what feeds it: patterns, targets, uploads to S3, streams of DynamoDB."""
