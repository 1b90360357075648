# A Sluice deployment: network, buckets, roles and hosts. Ansible configures the hosts, from the output
# `inventory`.

resource "aws_key_pair" "this" {
  count = var.ssh_public_key == null ? 0 : 1

  key_name   = var.name
  public_key = var.ssh_public_key
}

module "storage" {
  source = "./modules/storage"

  name                     = var.name
  account_id               = local.account_id
  partition                = local.partition
  region                   = var.region
  existing_buckets         = local.existing_buckets
  versioned_buckets        = var.versioned_buckets
  noncurrent_versions_days = var.noncurrent_versions_days
  abort_uploads_after_days = var.abort_uploads_after_days
  force_destroy            = var.bucket_force_destroy
  kms_key_arn              = var.kms_key_arn
  notifications_enabled    = local.notifications_enabled
  input_prefix             = var.input_prefix
}

module "network" {
  source = "./modules/network"

  name                = var.name
  region              = var.region
  vpc_cidr            = var.vpc_cidr
  availability_zones  = local.availability_zones
  operator_cidrs      = local.operator_cidrs
  egress_cidrs        = var.egress_cidrs
  nat_gateway_enabled = var.nat_gateway_enabled
  bucket_arns         = concat(values(module.storage.bucket_arns), var.read_bucket_arns)
}

module "firewall" {
  source = "./modules/firewall"

  name              = var.name
  vpc_id            = module.network.vpc_id
  operator_cidrs    = local.operator_cidrs
  egress_cidrs      = var.egress_cidrs
  s3_prefix_list_id = module.network.s3_prefix_list_id
  ssh_enabled       = local.ssh_enabled
}

module "endpoints" {
  source = "./modules/endpoints"

  name              = var.name
  region            = var.region
  vpc_id            = module.network.vpc_id
  subnet_ids        = module.network.private_subnet_ids
  security_group_id = module.firewall.group_ids.endpoints
  services          = local.endpoint_services
}

module "iam" {
  source = "./modules/iam"

  name                  = var.name
  account_id            = local.account_id
  partition             = local.partition
  region                = var.region
  bucket_arns           = module.storage.bucket_arns
  input_prefix          = var.input_prefix
  read_bucket_arns      = var.read_bucket_arns
  kms_key_arn           = var.kms_key_arn
  notifications_enabled = local.notifications_enabled
  queue_arn             = module.storage.queue_arn
  scaling_group_names   = [for kind in keys(local.scaling_groups) : "${var.name}-task-manager-${kind}"]
  ssm_enabled           = var.ssm_enabled
}

module "job_manager" {
  source = "./modules/hosts"

  name              = "${var.name}-job-manager"
  role              = "job_manager"
  host_count        = var.job_manager_count
  ami_id            = local.ami_id
  instance_type     = var.job_manager_instance_type
  volume_gb         = var.volume_gb
  subnet_ids        = module.network.public_subnet_ids
  public_address    = true
  security_group_id = module.firewall.group_ids.job_manager
  instance_profile  = module.iam.instance_profiles.job_manager
  key_name          = local.key_name
}

module "task_manager" {
  source   = "./modules/hosts"
  for_each = local.task_managers

  name              = "${var.name}-task-manager-${each.key}"
  role              = "task_manager_${each.key}"
  host_count        = var.autoscaling_enabled ? 0 : each.value.count
  ami_id            = each.value.ami_id
  instance_type     = each.value.instance_type
  volume_gb         = var.volume_gb
  subnet_ids        = module.network.private_subnet_ids
  public_address    = false
  security_group_id = module.firewall.group_ids.task_manager
  instance_profile  = module.iam.instance_profiles.task_manager
  key_name          = local.key_name
}

module "scaling_group" {
  source   = "./modules/scaling-group"
  for_each = local.scaling_groups

  name                  = "${var.name}-task-manager-${each.key}"
  role                  = "task_manager_${each.key}"
  region                = var.region
  host_count            = each.value.count
  host_max              = each.value.max
  cpu_target_percent    = each.value.cpu_target
  drain_timeout_seconds = var.drain_timeout_seconds
  ami_id                = each.value.ami_id
  instance_type         = each.value.instance_type
  volume_gb             = var.volume_gb
  subnet_ids            = module.network.private_subnet_ids
  security_group_id     = module.firewall.group_ids.task_manager
  instance_profile      = module.iam.instance_profiles.task_manager
  key_name              = local.key_name
  tags                  = merge(var.tags, { Deployment = var.name, ManagedBy = "terraform" })
}

module "metrics" {
  source = "./modules/hosts"

  name              = "${var.name}-metrics"
  role              = "metrics"
  host_count        = 1
  ami_id            = local.ami_id
  instance_type     = var.metrics_instance_type
  volume_gb         = var.metrics_volume_gb
  subnet_ids        = module.network.public_subnet_ids
  public_address    = true
  security_group_id = module.firewall.group_ids.metrics
  instance_profile  = module.iam.instance_profiles.metrics
  key_name          = local.key_name
}
