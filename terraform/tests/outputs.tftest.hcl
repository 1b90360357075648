mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  operator_cidr = "203.0.113.7/32"
  ssh_key_name  = "operators"
}

# What it costs, as far as it is known.

run "known_types_have_a_price" {
  command = plan

  assert {
    condition     = output.hourly_price.components.job_manager == 0.1054 && output.hourly_price.components.task_manager_cpu == 0.3488
    error_message = "instances, their volumes and public addresses"
  }

  assert {
    condition     = abs(output.hourly_price.total - sum([for price in values(output.hourly_price.components) : price])) < 0.001
    error_message = "the total is the sum"
  }
}

run "an_unknown_type_has_none" {
  command = plan

  variables {
    task_manager_gpu_count         = 1
    task_manager_gpu_instance_type = "p9.huge"
  }

  assert {
    condition     = output.hourly_price.components.task_manager_gpu == null && output.hourly_price.total == null
    error_message = "what is not known is not free"
  }

  assert {
    condition     = output.hourly_price.components.task_manager_cpu == 0.3488
    error_message = "the rest is known"
  }
}

run "a_type_of_which_there_is_none_costs_nothing" {
  command = plan

  variables {
    task_manager_gpu_instance_type = "p9.huge"
  }

  assert {
    condition     = output.hourly_price.components.task_manager_gpu == 0 && output.hourly_price.total != null
    error_message = "no host, no price"
  }
}

run "prices_of_ones_own" {
  command = plan

  variables {
    job_manager_instance_type = "p9.huge"
    prices = {
      as_of     = "2030-01-01"
      region    = "eu-central-1"
      instances = { "p9.huge" = 10 }
    }
  }

  assert {
    condition     = output.hourly_price.components.job_manager == 10.0094 && output.hourly_price.region == "eu-central-1"
    error_message = "the given price is used"
  }
}

run "the_inventory_has_its_shape" {
  command = apply

  variables {
    task_manager_gpu_count = 1
  }

  assert {
    condition     = keys(output.inventory.groups) == ["job_manager", "metrics", "task_manager_cpu", "task_manager_gpu"]
    error_message = "the groups"
  }

  assert {
    condition     = alltrue(flatten([for hosts in values(output.inventory.groups) : [for host in hosts : keys(host) == ["availability_zone", "id", "instance_type", "name", "private_dns", "private_ip", "public_ip"]]]))
    error_message = "each host's fields"
  }

  assert {
    condition     = output.inventory.groups.task_manager_gpu[0].public_ip == null && output.inventory.vars.ssh_jump_host == output.inventory.groups.job_manager[0].public_ip
    error_message = "task managers are reached by the first job manager"
  }

  assert {
    condition     = output.inventory.vars.input_queue_url == "https://sqs.us-east-1.amazonaws.com/123456789012/sluice-input" && output.inventory.vars.storage_uri == "s3://sluice-123456789012-us-east-1-storage/sluice"
    error_message = "queue and storage"
  }
}
