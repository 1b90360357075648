data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_availability_zones" "available" {
  state = "available"

  # Without local zones and the like.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

data "aws_ssm_parameter" "debian" {
  count = local.needs_debian ? 1 : 0

  name = "/aws/service/debian/release/12/latest/amd64"
}

locals {
  account_id         = data.aws_caller_identity.current.account_id
  partition          = data.aws_partition.current.partition
  operator_cidrs     = distinct(concat([var.operator_cidr], var.additional_operator_cidrs))
  availability_zones = var.availability_zones != null ? var.availability_zones : slice(data.aws_availability_zones.available.names, 0, 2)

  existing_buckets = {
    storage = var.existing_storage_bucket
    input   = var.existing_input_bucket
    output  = var.existing_output_bucket
  }

  notifications_enabled = var.input_notifications_enabled != null ? var.input_notifications_enabled : var.existing_input_bucket == null

  # Job managers and the metrics host have no AMI of their own.
  needs_debian = var.ami_id == null
  ami_id       = local.needs_debian ? nonsensitive(data.aws_ssm_parameter.debian[0].value) : var.ami_id

  key_name    = var.ssh_public_key != null ? aws_key_pair.this[0].key_name : var.ssh_key_name
  ssh_enabled = var.ssh_public_key != null || var.ssh_key_name != null

  # AWS APIs that the hosts call: discovery of Prometheus; notices; the end of a scaled host; SSM's agent.
  endpoint_services = !var.interface_endpoints_enabled ? toset([]) : toset(concat(
    ["ec2"],
    local.notifications_enabled ? ["sqs"] : [],
    var.autoscaling_enabled ? ["autoscaling"] : [],
    var.ssm_enabled ? ["ssm", "ssmmessages", "ec2messages"] : [],
  ))

  task_managers = {
    cpu = {
      count         = var.task_manager_cpu_count
      max           = var.task_manager_cpu_max
      instance_type = var.task_manager_cpu_instance_type
      ami_id        = var.task_manager_cpu_ami_id != null ? var.task_manager_cpu_ami_id : local.ami_id
      cpu_target    = var.autoscaling_cpu_target_percent
    }
    gpu = {
      count         = var.task_manager_gpu_count
      max           = max(var.task_manager_gpu_max, var.task_manager_gpu_count)
      instance_type = var.task_manager_gpu_instance_type
      ami_id        = var.task_manager_gpu_ami_id != null ? var.task_manager_gpu_ami_id : local.ami_id
      cpu_target    = null
    }
  }

  scaling_groups = { for kind, group in local.task_managers : kind => group if var.autoscaling_enabled && group.max > 0 }
}
