# One job manager, two CPU task managers and the metrics host. Replace both values.
operator_cidr  = "203.0.113.7/32"
ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJm0kGkzsS0qDJ1m6vB7cDkIYV0m3Xk4u4tT7aZcO8bQ you@example.com"
