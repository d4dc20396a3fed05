"""CloudWatch: metrics, alarms evaluated on them, and metrics in log lines."""
