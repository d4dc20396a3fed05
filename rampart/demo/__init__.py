"""The demonstration: a shop on the embedded AWS, three good releases and two bad ones, told as it happens.

`account` sets the shop up, as its team would. `releases` are its zips and images. `traffic` are the customers.
`story` is what the shop's people do. `report` reads back what happened, from DynamoDB, CloudWatch and the team's
queue. `screen` shows it, and `summary` is its last page.
"""
