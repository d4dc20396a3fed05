# A function whose code and alias are Rampart's from its second version on; all else is Terraform's.

variable "role_arn" {
  type = string
}

resource "aws_lambda_function" "checkout" {
  function_name = "checkout"
  role          = var.role_arn
  runtime       = "python3.13"
  handler       = "app.handler"
  architectures = ["arm64"]
  memory_size   = 512 # a change goes live with the next version that Rampart publishes
  filename      = "${path.module}/bootstrap.zip"
  publish       = true # so that there is a version for the alias to begin with
  tags          = { "rampart:managed" = "prod" }

  lifecycle {
    ignore_changes = [filename, source_code_hash, s3_bucket, s3_key, s3_object_version, image_uri]
  }
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.checkout.function_name
  function_version = aws_lambda_function.checkout.version

  lifecycle {
    ignore_changes = [function_version, routing_config]
  }
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "checkout-errors"
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = "checkout", Resource = "checkout:live" }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
}

resource "aws_ssm_parameter" "target" {
  name = "/rampart/prod/targets/checkout"
  type = "String"
  value = jsonencode({
    version  = 1
    source   = { bucket = "my-artifacts", key = "checkout/*.zip" }
    members  = [{ function = aws_lambda_function.checkout.function_name, alias = aws_lambda_alias.live.name }]
    strategy = "Linear10PercentEvery1Minute"
    alarms   = [aws_cloudwatch_metric_alarm.errors.alarm_name]
  })
}
