# An estimate of what the deployment costs per hour while it stands, without traffic, requests and stored
# objects. A type without a price makes its row and the total null: not known is not free.

locals {
  default_instance_prices = {
    "c5.xlarge"    = 0.17
    "c5.2xlarge"   = 0.34
    "c6a.xlarge"   = 0.153
    "c6a.2xlarge"  = 0.306
    "c6i.large"    = 0.085
    "c6i.xlarge"   = 0.17
    "c6i.2xlarge"  = 0.34
    "c6i.4xlarge"  = 0.68
    "c7i.large"    = 0.08925
    "c7i.xlarge"   = 0.1785
    "c7i.2xlarge"  = 0.357
    "c7i.4xlarge"  = 0.714
    "g4dn.xlarge"  = 0.526
    "g4dn.2xlarge" = 0.752
    "g5.xlarge"    = 1.006
    "g5.2xlarge"   = 1.212
    "g6.xlarge"    = 0.8048
    "g6.2xlarge"   = 0.9776
    "m5.large"     = 0.096
    "m6i.large"    = 0.096
    "m6i.xlarge"   = 0.192
    "m7i.large"    = 0.1008
    "t3.small"     = 0.0208
    "t3.medium"    = 0.0416
    "t3.large"     = 0.0832
  }

  instance_prices = merge(local.default_instance_prices, var.prices.instances)
  hours_per_month = 730

  priced_hosts = {
    job_manager      = { count = var.job_manager_count, type = var.job_manager_instance_type, volume_gb = var.volume_gb, public = true }
    task_manager_cpu = { count = var.task_manager_cpu_count, type = var.task_manager_cpu_instance_type, volume_gb = var.volume_gb, public = false }
    task_manager_gpu = { count = var.task_manager_gpu_count, type = var.task_manager_gpu_instance_type, volume_gb = var.volume_gb, public = false }
    metrics          = { count = 1, type = var.metrics_instance_type, volume_gb = var.metrics_volume_gb, public = true }
  }

  host_prices = {
    for group, hosts in local.priced_hosts : group => (
      hosts.count == 0 ? 0 : try(
        hosts.count * (
          local.instance_prices[hosts.type]
          + hosts.volume_gb * var.prices.gp3_gb_month / local.hours_per_month
          + (hosts.public ? var.prices.public_ipv4_hour : 0)
        ),
        null,
      )
    )
  }

  component_prices = merge(local.host_prices, {
    interface_endpoints = length(local.endpoint_services) * length(local.availability_zones) * var.prices.interface_endpoint_hour
    nat_gateway         = var.nat_gateway_enabled ? var.prices.nat_gateway_hour + var.prices.public_ipv4_hour : 0
  })

  is_priced = alltrue([for price in values(local.component_prices) : price != null])
}
