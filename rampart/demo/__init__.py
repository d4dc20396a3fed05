"""The demonstration: a shop on the embedded AWS, one good release and one bad one, told as it happens.

`account` sets the shop up, as its team would. `releases` are the zips. `traffic` are the customers. `report` reads
back what happened, from DynamoDB, CloudWatch and the team's queue. `screen` shows it. `story` runs it all.
"""
