mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  operator_cidr = "203.0.113.7/32"
  ssh_key_name  = "operators"
}

# Task managers in scaling groups.

run "groups_in_place_of_instances" {
  command = plan

  variables {
    autoscaling_enabled            = true
    autoscaling_cpu_target_percent = 70
    ami_id                         = "ami-0aaa"
    task_manager_cpu_count         = 1
    task_manager_cpu_max           = 8
  }

  assert {
    condition     = keys(module.scaling_group) == ["cpu"]
    error_message = "a group for CPU task managers, none for GPUs, of which there may be 0"
  }

  assert {
    condition     = length(module.task_manager["cpu"].hosts) == 0
    error_message = "no single instance beside the group"
  }

  assert {
    condition     = output.inventory.vars.autoscaling_groups == { task_manager_cpu = "sluice-task-manager-cpu" }
    error_message = "the inventory names the group"
  }

  assert {
    condition     = contains(local.endpoint_services, "autoscaling")
    error_message = "hosts reach the API to which they report"
  }
}

run "gpus_too" {
  command = plan

  variables {
    autoscaling_enabled     = true
    task_manager_cpu_ami_id = "ami-0aaa"
    task_manager_gpu_ami_id = "ami-0bbb"
    task_manager_gpu_max    = 4
  }

  assert {
    condition     = keys(module.scaling_group) == ["cpu", "gpu"]
    error_message = "a group for GPU task managers that may grow from 0"
  }
}

run "the_group_itself" {
  command = plan

  module {
    source = "./modules/scaling-group"
  }

  variables {
    name                  = "sluice-task-manager-cpu"
    role                  = "task_manager_cpu"
    region                = "us-east-1"
    host_count            = 1
    host_max              = 8
    cpu_target_percent    = 70
    drain_timeout_seconds = 300
    ami_id                = "ami-0aaa"
    instance_type         = "c6i.xlarge"
    volume_gb             = 40
    subnet_ids            = ["subnet-a", "subnet-b"]
    security_group_id     = "sg-a"
    instance_profile      = "sluice-task-manager"
    key_name              = null
    tags                  = { Deployment = "sluice" }
  }

  assert {
    condition     = aws_autoscaling_group.this.min_size == 1 && aws_autoscaling_group.this.max_size == 8
    error_message = "the group has its bounds"
  }

  assert {
    condition     = aws_autoscaling_lifecycle_hook.drain.lifecycle_transition == "autoscaling:EC2_INSTANCE_TERMINATING" && aws_autoscaling_lifecycle_hook.drain.heartbeat_timeout == 300
    error_message = "the hook holds hosts that end"
  }

  assert {
    condition     = aws_launch_template.this.metadata_options[0].http_tokens == "required" && aws_launch_template.this.block_device_mappings[0].ebs[0].encrypted == "true"
    error_message = "hosts ask for metadata tokens and are encrypted"
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.this.user_data), "sluice-drain-on-termination.service") && startswith(base64decode(aws_launch_template.this.user_data), "#cloud-config\n")
    error_message = "hosts get the unit that drains"
  }

  assert {
    condition     = length(aws_autoscaling_policy.cpu) == 1
    error_message = "the group follows its CPU use"
  }
}

run "a_fixed_group" {
  command = plan

  module {
    source = "./modules/scaling-group"
  }

  variables {
    name                  = "sluice-task-manager-cpu"
    role                  = "task_manager_cpu"
    region                = "us-east-1"
    host_count            = 3
    host_max              = 8
    cpu_target_percent    = null
    drain_timeout_seconds = 300
    ami_id                = "ami-0aaa"
    instance_type         = "c6i.xlarge"
    volume_gb             = 40
    subnet_ids            = ["subnet-a"]
    security_group_id     = "sg-a"
    instance_profile      = "sluice-task-manager"
    key_name              = null
    tags                  = {}
  }

  assert {
    condition     = length(aws_autoscaling_policy.cpu) == 0 && aws_autoscaling_group.this.desired_capacity == 3
    error_message = "without a target the group keeps its count"
  }
}
