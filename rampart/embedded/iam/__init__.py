"""IAM: every call is held against the policies of the role that makes it."""
