"""CloudFormation and SAM: the real template, put into the account through its own port."""
