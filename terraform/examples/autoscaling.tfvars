# Between one and eight CPU task managers, made from an image on which Ansible has run.
operator_cidr = "203.0.113.7/32"
ssh_key_name  = "operators"

autoscaling_enabled            = true
autoscaling_cpu_target_percent = 70
task_manager_cpu_ami_id        = "ami-0123456789abcdef0"
task_manager_cpu_count         = 1
task_manager_cpu_max           = 8
