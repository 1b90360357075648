output "bucket_names" {
  description = "Names of the buckets: storage, input, output."
  value       = module.storage.bucket_names
}

output "grafana_url" {
  description = "Grafana, for the operator's network."
  value       = "https://${module.metrics.hosts[0].public_ip}:3000"
}

output "hourly_price" {
  description = "Estimated price per hour: of each component, and in total; null where a type has no price. With scaling groups: of their least hosts."
  value = {
    currency   = "USD"
    as_of      = var.prices.as_of
    region     = var.prices.region
    components = { for name, price in local.component_prices : name => price == null ? null : tonumber(format("%.4f", price)) }
    total      = local.is_priced ? tonumber(format("%.4f", sum([for price in values(local.component_prices) : price == null ? 0 : price]))) : null
  }
}

output "input_queue_url" {
  description = "SQS queue of notices of new input; null: there is none."
  value       = module.storage.queue_url
}

output "inventory" {
  description = "Hosts by group, and what Ansible has to know of the rest. Ansible's dynamic inventory reads it."
  value = {
    groups = {
      job_manager      = module.job_manager.hosts
      task_manager_cpu = module.task_manager["cpu"].hosts
      task_manager_gpu = module.task_manager["gpu"].hosts
      metrics          = module.metrics.hosts
    }
    vars = {
      deployment         = var.name
      region             = var.region
      ssh_user           = var.ssh_user
      ssh_jump_host      = module.job_manager.hosts[0].public_ip
      storage_bucket     = module.storage.bucket_names.storage
      storage_uri        = "s3://${module.storage.bucket_names.storage}/${var.storage_prefix}"
      input_bucket       = module.storage.bucket_names.input
      input_uri          = "s3://${module.storage.bucket_names.input}/${var.input_prefix}"
      output_bucket      = module.storage.bucket_names.output
      output_uri         = "s3://${module.storage.bucket_names.output}/"
      encryption         = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_key_id         = var.kms_key_arn
      input_queue_url    = module.storage.queue_url
      autoscaling_groups = { for kind, group in module.scaling_group : "task_manager_${kind}" => group.group_name }
    }
  }
}

output "job_manager_urls" {
  description = "REST of each job manager, for the operator's network: `sluice --job-manager` takes them with commas."
  value       = [for host in module.job_manager.hosts : "https://${host.public_ip}:8081"]
}

output "role_arns" {
  description = "ARNs of the instance roles, for policies of KMS keys and of buckets in other accounts."
  value       = module.iam.role_arns
}

output "security" {
  description = "Every way in (group, port, source) and every network that any rule names, to be looked over."
  value = {
    ingress  = module.firewall.ingress
    networks = module.firewall.open_cidrs
  }
}

output "vpc_id" {
  description = "The VPC."
  value       = module.network.vpc_id
}
