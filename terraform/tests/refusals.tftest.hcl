mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  operator_cidr = "203.0.113.7/32"
  ssh_key_name  = "operators"
}

# Values that are refused, each with the variable that refuses.
run "refuses_the_world_as_operator" {
  command = plan

  variables {
    operator_cidr = "0.0.0.0/0"
  }

  expect_failures = [var.operator_cidr]
}

run "refuses_the_world_of_ipv6_as_operator" {
  command = plan

  variables {
    operator_cidr = "::/0"
  }

  expect_failures = [var.operator_cidr]
}

run "refuses_half_the_world_as_operator" {
  command = plan

  variables {
    operator_cidr = "0.0.0.0/1"
  }

  expect_failures = [var.operator_cidr]
}

run "refuses_an_address_without_a_mask" {
  command = plan

  variables {
    operator_cidr = "203.0.113.7"
  }

  expect_failures = [var.operator_cidr]
}

run "refuses_the_world_as_a_second_operator" {
  command = plan

  variables {
    additional_operator_cidrs = ["198.51.100.0/24", "0.0.0.0/0"]
  }

  expect_failures = [var.additional_operator_cidrs]
}

run "refuses_the_world_as_egress" {
  command = plan

  variables {
    egress_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.egress_cidrs]
}

run "refuses_a_nat_gateway_to_nowhere" {
  command = plan

  variables {
    nat_gateway_enabled = true
  }

  expect_failures = [var.nat_gateway_enabled]
}

run "refuses_no_job_manager" {
  command = plan

  variables {
    job_manager_count = 0
  }

  expect_failures = [var.job_manager_count]
}

run "refuses_three_job_managers" {
  command = plan

  variables {
    job_manager_count = 3
  }

  expect_failures = [var.job_manager_count]
}

run "refuses_fewer_than_no_cpu_task_managers" {
  command = plan

  variables {
    task_manager_cpu_count = -1
  }

  expect_failures = [var.task_manager_cpu_count]
}

run "refuses_seventeen_cpu_task_managers" {
  command = plan

  variables {
    task_manager_cpu_count = 17
  }

  expect_failures = [var.task_manager_cpu_count]
}

run "refuses_half_a_cpu_task_manager" {
  command = plan

  variables {
    task_manager_cpu_count = 1.5
  }

  expect_failures = [var.task_manager_cpu_count]
}

run "refuses_seventeen_gpu_task_managers" {
  command = plan

  variables {
    task_manager_gpu_count = 17
  }

  expect_failures = [var.task_manager_gpu_count]
}

run "refuses_a_type_that_is_none" {
  command = plan

  variables {
    task_manager_gpu_instance_type = "gpu"
  }

  expect_failures = [var.task_manager_gpu_instance_type]
}

run "refuses_an_image_that_is_none" {
  command = plan

  variables {
    ami_id = "debian-12"
  }

  expect_failures = [var.ami_id]
}

run "refuses_one_zone" {
  command = plan

  variables {
    availability_zones = ["us-east-1a"]
  }

  expect_failures = [var.availability_zones]
}

run "refuses_a_zone_twice" {
  command = plan

  variables {
    availability_zones = ["us-east-1a", "us-east-1a"]
  }

  expect_failures = [var.availability_zones]
}

run "refuses_a_network_too_small" {
  command = plan

  variables {
    vpc_cidr = "10.0.0.0/24"
  }

  expect_failures = [var.vpc_cidr]
}

run "refuses_a_name_too_long" {
  command = plan

  variables {
    name = "a-name-of-more-than-18"
  }

  expect_failures = [var.name]
}

run "refuses_a_bucket_as_uri" {
  command = plan

  variables {
    existing_input_bucket = "s3://images"
  }

  expect_failures = [var.existing_input_bucket]
}

run "refuses_a_prefix_without_slash" {
  command = plan

  variables {
    input_prefix = "images"
  }

  expect_failures = [var.input_prefix]
}

run "refuses_a_key_that_is_an_alias" {
  command = plan

  variables {
    kms_key_arn = "alias/sluice"
  }

  expect_failures = [var.kms_key_arn]
}

run "refuses_a_bucket_of_no_use" {
  command = plan

  variables {
    versioned_buckets = ["models"]
  }

  expect_failures = [var.versioned_buckets]
}

run "refuses_two_keys_for_ssh" {
  command = plan

  variables {
    ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJm0kGkzsS0qDJ1m6vB7cDkIYV0m3Xk4u4tT7aZcO8bQ"
  }

  expect_failures = [var.ssh_key_name]
}

run "refuses_no_way_into_the_hosts" {
  command = plan

  variables {
    ssh_key_name = null
  }

  expect_failures = [var.ssm_enabled]
}

run "refuses_a_tag_of_the_module" {
  command = plan

  variables {
    tags = { Role = "x" }
  }

  expect_failures = [var.tags]
}

run "refuses_scaling_without_an_image" {
  command = plan

  variables {
    autoscaling_enabled = true
  }

  expect_failures = [var.autoscaling_enabled]
}

run "refuses_scaling_gpus_without_an_image" {
  command = plan

  variables {
    autoscaling_enabled     = true
    task_manager_cpu_ami_id = "ami-0aaa"
    task_manager_gpu_count  = 1
  }

  expect_failures = [var.autoscaling_enabled]
}

run "refuses_a_target_without_scaling" {
  command = plan

  variables {
    autoscaling_cpu_target_percent = 70
  }

  expect_failures = [var.autoscaling_cpu_target_percent]
}

run "refuses_a_most_below_the_least" {
  command = plan

  variables {
    task_manager_cpu_count = 4
    task_manager_cpu_max   = 3
  }

  expect_failures = [var.task_manager_cpu_max]
}

run "refuses_no_days_for_uploads" {
  command = plan

  variables {
    abort_uploads_after_days = 0
  }

  expect_failures = [var.abort_uploads_after_days]
}

run "refuses_half_a_day_for_versions" {
  command = plan

  variables {
    noncurrent_versions_days = { storage = 0.5 }
  }

  expect_failures = [var.noncurrent_versions_days]
}
