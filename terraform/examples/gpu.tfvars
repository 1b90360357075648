# Images are decoded on CPU hosts, models run on GPU hosts; a second job manager stands by.
operator_cidr  = "203.0.113.7/32"
ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJm0kGkzsS0qDJ1m6vB7cDkIYV0m3Xk4u4tT7aZcO8bQ you@example.com"

job_manager_count              = 2
task_manager_cpu_count         = 4
task_manager_cpu_instance_type = "c6i.2xlarge"
task_manager_gpu_count         = 2
task_manager_gpu_instance_type = "g4dn.xlarge"

# Hosts install packages from Debian's mirror, which Fastly serves from these networks.
egress_cidrs        = ["151.101.0.0/16", "146.75.0.0/17", "199.232.0.0/16"]
nat_gateway_enabled = true
