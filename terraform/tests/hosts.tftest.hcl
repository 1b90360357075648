mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  operator_cidr = "203.0.113.7/32"
  ssh_key_name  = "operators"
}

# How many hosts of which kind, and what of them is secured.

run "defaults_are_one_job_manager_two_cpu_task_managers_and_a_metrics_host" {
  command = plan

  assert {
    condition     = length(module.job_manager.hosts) == 1 && length(module.metrics.hosts) == 1
    error_message = "one job manager and one metrics host"
  }

  assert {
    condition     = [for host in module.task_manager["cpu"].hosts : host.name] == ["sluice-task-manager-cpu-1", "sluice-task-manager-cpu-2"]
    error_message = "two CPU task managers, numbered"
  }

  assert {
    condition     = length(module.task_manager["gpu"].hosts) == 0 && length(module.scaling_group) == 0
    error_message = "no GPU task manager and no scaling group"
  }

  assert {
    condition     = length(data.aws_ssm_parameter.debian) == 1
    error_message = "without ami_id, the AMI is looked up"
  }
}

run "no_task_managers" {
  command = plan

  variables {
    task_manager_cpu_count = 0
    ami_id                 = "ami-0123456789abcdef0"
  }

  assert {
    condition     = length(module.task_manager["cpu"].hosts) + length(module.task_manager["gpu"].hosts) == 0
    error_message = "no task manager at all"
  }

  assert {
    condition     = length(data.aws_ssm_parameter.debian) == 0
    error_message = "with ami_id, nothing is looked up"
  }

  assert {
    condition     = output.hourly_price.components.task_manager_cpu == 0
    error_message = "no task manager costs nothing"
  }
}

run "sixteen_of_each_kind" {
  command = plan

  variables {
    task_manager_cpu_count = 16
    task_manager_gpu_count = 16
  }

  assert {
    condition     = length(module.task_manager["cpu"].hosts) == 16 && length(module.task_manager["gpu"].hosts) == 16
    error_message = "sixteen CPU and sixteen GPU task managers"
  }

  assert {
    condition     = module.task_manager["gpu"].hosts[15].name == "sluice-task-manager-gpu-16"
    error_message = "hosts are in the order of their numbers"
  }
}

run "a_standby_job_manager" {
  command = plan

  variables {
    job_manager_count = 2
  }

  assert {
    condition     = [for host in module.job_manager.hosts : host.name] == ["sluice-job-manager-1", "sluice-job-manager-2"]
    error_message = "two job managers"
  }
}

run "kinds_have_their_own_images_and_types" {
  command = plan

  variables {
    ami_id                         = "ami-0aaa"
    task_manager_gpu_ami_id        = "ami-0bbb"
    task_manager_gpu_count         = 1
    task_manager_gpu_instance_type = "g5.xlarge"
  }

  assert {
    condition     = local.task_managers.cpu.ami_id == "ami-0aaa" && local.task_managers.gpu.ami_id == "ami-0bbb"
    error_message = "the GPU task managers have their own AMI, the others ami_id"
  }

  assert {
    condition     = module.task_manager["gpu"].hosts[0].instance_type == "g5.xlarge"
    error_message = "the GPU task managers have their own type"
  }
}

run "a_host_is_encrypted_and_asks_for_metadata_tokens" {
  command = plan

  module {
    source = "./modules/hosts"
  }

  variables {
    name              = "sluice-job-manager"
    role              = "job_manager"
    host_count        = 3
    ami_id            = "ami-0aaa"
    instance_type     = "m6i.large"
    volume_gb         = 40
    subnet_ids        = ["subnet-a", "subnet-b"]
    public_address    = true
    security_group_id = "sg-a"
    instance_profile  = "sluice-job-manager"
    key_name          = "operators"
  }

  assert {
    condition     = alltrue([for host in aws_instance.this : host.metadata_options[0].http_tokens == "required" && host.metadata_options[0].http_put_response_hop_limit == 1])
    error_message = "instance metadata needs a token (IMDSv2), one hop away"
  }

  assert {
    condition     = alltrue([for host in aws_instance.this : host.root_block_device[0].encrypted])
    error_message = "root volumes are encrypted"
  }

  assert {
    condition     = [for number in [1, 2, 3] : aws_instance.this["sluice-job-manager-${number}"].subnet_id] == ["subnet-a", "subnet-b", "subnet-a"]
    error_message = "hosts take the subnets in turn"
  }

  assert {
    condition     = alltrue([for host in aws_instance.this : host.iam_instance_profile == "sluice-job-manager" && host.tags.Role == "job_manager"])
    error_message = "hosts have their role, as a profile and as a tag"
  }
}
