# Alphabetical. Only operator_cidr has no default, and one way into the hosts must be chosen:
# ssh_public_key, ssh_key_name or ssm_enabled.

variable "abort_uploads_after_days" {
  description = "Days after which S3 removes multipart uploads that nobody completed. Longer than a job may stand still: a restored checkpoint completes its uploads."
  type        = number
  default     = 7

  validation {
    condition     = var.abort_uploads_after_days >= 1 && floor(var.abort_uploads_after_days) == var.abort_uploads_after_days
    error_message = "abort_uploads_after_days is a whole number of days, 1 or more."
  }
}

variable "additional_operator_cidrs" {
  description = "More networks that may reach SSH, REST and Grafana, besides operator_cidr."
  type        = list(string)
  default     = []

  validation {
    condition = alltrue([
      for cidr in var.additional_operator_cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]) >= 8, false)
    ])
    error_message = "additional_operator_cidrs are IPv4 networks such as 203.0.113.0/24, of /8 or narrower: 0.0.0.0/0 and ::/0 are refused."
  }
}

variable "ami_id" {
  description = "AMI of all hosts that have no AMI of their own. null: the newest Debian 12 (amd64), looked up in SSM. Hosts keep the AMI they were made with."
  type        = string
  default     = null

  validation {
    condition     = var.ami_id == null || can(regex("^ami-[0-9a-f]+$", var.ami_id))
    error_message = "ami_id is an AMI such as ami-0123456789abcdef0, or null."
  }
}

variable "autoscaling_cpu_target_percent" {
  description = "CPU use that the CPU task managers' scaling group is held at. null: the group keeps task_manager_cpu_count hosts."
  type        = number
  default     = null

  validation {
    condition     = var.autoscaling_cpu_target_percent == null || try(var.autoscaling_cpu_target_percent >= 10 && var.autoscaling_cpu_target_percent <= 95, false)
    error_message = "autoscaling_cpu_target_percent is from 10 to 95, or null."
  }

  validation {
    condition     = var.autoscaling_cpu_target_percent == null || var.autoscaling_enabled
    error_message = "autoscaling_cpu_target_percent needs autoscaling_enabled = true."
  }
}

variable "autoscaling_enabled" {
  description = "Task managers in scaling groups in place of single instances. They configure themselves from their AMI, so it must be one on which Ansible has run: set task_manager_cpu_ami_id and task_manager_gpu_ami_id, or ami_id."
  type        = bool
  default     = false

  validation {
    condition = !var.autoscaling_enabled || (
      (var.task_manager_cpu_count == 0 && var.task_manager_cpu_max == 0 || var.task_manager_cpu_ami_id != null || var.ami_id != null) &&
      (var.task_manager_gpu_count == 0 && var.task_manager_gpu_max == 0 || var.task_manager_gpu_ami_id != null || var.ami_id != null)
    )
    error_message = "autoscaling_enabled needs an AMI on which Ansible has run: set task_manager_cpu_ami_id and task_manager_gpu_ami_id (or ami_id), for the groups that may have hosts."
  }
}

variable "availability_zones" {
  description = "Availability zones of the subnets, 2 to 4 of the region. null: its first two. GPU instance types are not in every zone."
  type        = list(string)
  default     = null

  validation {
    condition     = var.availability_zones == null || try(length(distinct(var.availability_zones)) == length(var.availability_zones) && length(var.availability_zones) >= 2 && length(var.availability_zones) <= 4, false)
    error_message = "availability_zones are 2 to 4 different zones, or null."
  }
}

variable "bucket_force_destroy" {
  description = "Lets `terraform destroy` delete buckets that hold objects, with all their versions. Off: destroy fails while there is data."
  type        = bool
  default     = false
}

variable "drain_timeout_seconds" {
  description = "How long a scaling group waits for a task manager that it ends to drain. The host renews it while it drains, up to 100 times this long."
  type        = number
  default     = 300

  validation {
    condition     = var.drain_timeout_seconds >= 60 && var.drain_timeout_seconds <= 7200
    error_message = "drain_timeout_seconds is from 60 to 7200."
  }
}

variable "egress_cidrs" {
  description = "Networks that hosts may reach on ports 80 and 443, beyond the VPC and S3: package mirrors, a proxy. Empty: none, so an AMI or Ansible's controller must bring all packages. Task managers also need nat_gateway_enabled."
  type        = list(string)
  default     = []

  validation {
    condition = alltrue([
      for cidr in var.egress_cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]) >= 8, false)
    ])
    error_message = "egress_cidrs are IPv4 networks such as 151.101.0.0/16, of /8 or narrower: 0.0.0.0/0 and ::/0 are refused. Name your mirror's networks."
  }
}

variable "existing_input_bucket" {
  description = "Name of a bucket that exists and is read in place of a new one. Its encryption, policy and notifications are left as they are, unless input_notifications_enabled is set."
  type        = string
  default     = null

  validation {
    condition     = var.existing_input_bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.existing_input_bucket))
    error_message = "existing_input_bucket is the name of a bucket, without s3://, or null."
  }
}

variable "existing_output_bucket" {
  description = "Name of a bucket that exists and is written in place of a new one. Its settings are left as they are; give it a rule that aborts incomplete uploads."
  type        = string
  default     = null

  validation {
    condition     = var.existing_output_bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.existing_output_bucket))
    error_message = "existing_output_bucket is the name of a bucket, without s3://, or null."
  }
}

variable "existing_storage_bucket" {
  description = "Name of a bucket that exists and holds jobs and checkpoints in place of a new one. Its settings are left as they are."
  type        = string
  default     = null

  validation {
    condition     = var.existing_storage_bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.existing_storage_bucket))
    error_message = "existing_storage_bucket is the name of a bucket, without s3://, or null."
  }
}

variable "input_notifications_enabled" {
  description = "Sends S3's notices of new objects under input_prefix to an SQS queue. null: for a new bucket, not for an existing one, whose notifications would be replaced."
  type        = bool
  default     = null
}

variable "input_prefix" {
  description = "Prefix of the input bucket that holds the images: notices are sent for it."
  type        = string
  default     = "images/"

  validation {
    condition     = var.input_prefix == "" || can(regex("^[^/*].*/$", var.input_prefix))
    error_message = "input_prefix ends with / and does not begin with it, such as images/, or is empty: the whole bucket."
  }
}

variable "interface_endpoints_enabled" {
  description = "Private endpoints of the AWS APIs that the hosts need (EC2, SQS, Auto Scaling, SSM): without them, or egress_cidrs that hold AWS' networks, these cannot be reached."
  type        = bool
  default     = true
}

variable "job_manager_count" {
  description = "Job managers: 1, or 2 for one that stands by in another zone."
  type        = number
  default     = 1

  validation {
    condition     = contains([1, 2], var.job_manager_count)
    error_message = "job_manager_count is 1, or 2 for a standby."
  }
}

variable "job_manager_instance_type" {
  description = "Instance type of the job managers."
  type        = string
  default     = "m6i.large"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", var.job_manager_instance_type))
    error_message = "job_manager_instance_type is an EC2 type such as m6i.large."
  }
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the new buckets. null: S3's own keys (SSE-S3, AES256). Give it too where existing buckets are encrypted with a key."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.kms_key_arn))
    error_message = "kms_key_arn is a key's ARN, arn:aws:kms:<region>:<account>:key/<id>, or null."
  }
}

variable "metrics_instance_type" {
  description = "Instance type of the host of Prometheus and Grafana."
  type        = string
  default     = "t3.medium"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", var.metrics_instance_type))
    error_message = "metrics_instance_type is an EC2 type such as t3.medium."
  }
}

variable "metrics_volume_gb" {
  description = "Root volume of the metrics host, which holds Prometheus' data, in GB."
  type        = number
  default     = 50

  validation {
    condition     = var.metrics_volume_gb >= 10 && var.metrics_volume_gb <= 16384
    error_message = "metrics_volume_gb is from 10 to 16384."
  }
}

variable "name" {
  description = "Name of the deployment: prefix of everything that is made, and value of the tag Deployment. Two deployments in an account have two names."
  type        = string
  default     = "sluice"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,16}[a-z0-9]$", var.name))
    error_message = "name is 2 to 18 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "nat_gateway_enabled" {
  description = "A NAT gateway by which task managers reach egress_cidrs. Off: they reach the VPC and S3 only."
  type        = bool
  default     = false

  validation {
    condition     = !var.nat_gateway_enabled || length(var.egress_cidrs) > 0
    error_message = "nat_gateway_enabled needs egress_cidrs: without them nothing would be sent through it."
  }
}

variable "noncurrent_versions_days" {
  description = "Days for which versions are kept that were overwritten or deleted, in the versioned buckets. Storage: short, as checkpoints come and go."
  type = object({
    storage = optional(number, 1)
    input   = optional(number, 30)
    output  = optional(number, 30)
  })
  default = {}

  validation {
    condition     = alltrue([for days in values(var.noncurrent_versions_days) : days >= 1 && floor(days) == days])
    error_message = "noncurrent_versions_days are whole numbers of days, 1 or more."
  }
}

variable "operator_cidr" {
  description = "Required. The network from which people work: the only one that reaches SSH, REST (8081) and Grafana (3000). Such as 203.0.113.7/32."
  type        = string

  validation {
    condition     = can(cidrnetmask(var.operator_cidr)) && try(tonumber(split("/", var.operator_cidr)[1]) >= 8, false)
    error_message = "operator_cidr is your IPv4 network, such as 203.0.113.7/32, of /8 or narrower: 0.0.0.0/0 and ::/0 are refused, as they would open the deployment to the world."
  }
}

variable "prices" {
  description = "What things cost, in USD, to estimate hourly_price: on-demand Linux in us-east-1 as of as_of, without tax and discount; compare them with AWS' price list. Entries of instances are added to the defaults; a type without a price makes the estimate null."
  type = object({
    as_of                   = optional(string, "2025-06-01")
    region                  = optional(string, "us-east-1")
    instances               = optional(map(number), {})
    gp3_gb_month            = optional(number, 0.08)
    public_ipv4_hour        = optional(number, 0.005)
    nat_gateway_hour        = optional(number, 0.045)
    interface_endpoint_hour = optional(number, 0.01)
  })
  default = {}

  validation {
    condition     = alltrue([for price in values(var.prices.instances) : price >= 0])
    error_message = "prices are 0 or more."
  }
}

variable "read_bucket_arns" {
  description = "ARNs of more buckets that hosts may read: models, other inputs. Such as arn:aws:s3:::my-models."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.read_bucket_arns : can(regex("^arn:[a-z-]+:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", arn))])
    error_message = "read_bucket_arns are ARNs of buckets, arn:aws:s3:::<name>, without a key."
  }
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2,3}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is an AWS region such as us-east-1."
  }
}

variable "ssh_key_name" {
  description = "Name of an EC2 key pair that exists, for SSH. null: ssh_public_key, or no SSH key."
  type        = string
  default     = null

  validation {
    condition     = var.ssh_key_name == null || var.ssh_public_key == null
    error_message = "Give ssh_key_name or ssh_public_key, not both."
  }
}

variable "ssh_public_key" {
  description = "Public SSH key, as in id_ed25519.pub: a key pair is made of it. null: ssh_key_name, or no SSH key."
  type        = string
  default     = null

  validation {
    condition     = var.ssh_public_key == null || can(regex("^(ssh-ed25519|ssh-rsa) [A-Za-z0-9+/=]+", var.ssh_public_key))
    error_message = "ssh_public_key is one line that begins with ssh-ed25519 or ssh-rsa, or null."
  }
}

variable "ssh_user" {
  description = "User of the AMI for SSH, for Ansible's inventory: admin on Debian, ubuntu on Ubuntu."
  type        = string
  default     = "admin"

  validation {
    condition     = can(regex("^[a-z_][a-z0-9_-]*$", var.ssh_user))
    error_message = "ssh_user is a Unix user such as admin."
  }
}

variable "ssm_enabled" {
  description = "Lets AWS Systems Manager reach the hosts, with or without SSH: its permissions, and its endpoints in the VPC. The AMI must have the SSM agent."
  type        = bool
  default     = false

  validation {
    condition     = var.ssm_enabled || var.ssh_public_key != null || var.ssh_key_name != null
    error_message = "There is no way into the hosts: give ssh_public_key or ssh_key_name, or set ssm_enabled = true."
  }
}

variable "storage_prefix" {
  description = "Folder of the storage bucket that holds jobs, checkpoints and the leader's lease."
  type        = string
  default     = "sluice"

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._-]*$", var.storage_prefix))
    error_message = "storage_prefix is one name without /, such as sluice."
  }
}

variable "tags" {
  description = "Tags of everything that is made, besides Deployment, Role, Name and ManagedBy."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.tags) : !contains(["Deployment", "Role", "Name", "ManagedBy"], key)])
    error_message = "tags may not hold Deployment, Role, Name or ManagedBy: the module sets these."
  }
}

variable "task_manager_cpu_ami_id" {
  description = "AMI of the CPU task managers. null: ami_id."
  type        = string
  default     = null

  validation {
    condition     = var.task_manager_cpu_ami_id == null || can(regex("^ami-[0-9a-f]+$", var.task_manager_cpu_ami_id))
    error_message = "task_manager_cpu_ami_id is an AMI such as ami-0123456789abcdef0, or null."
  }
}

variable "task_manager_cpu_count" {
  description = "CPU task managers, 0 to 16. With autoscaling_cpu_target_percent: the least."
  type        = number
  default     = 2

  validation {
    condition     = var.task_manager_cpu_count >= 0 && var.task_manager_cpu_count <= 16 && floor(var.task_manager_cpu_count) == var.task_manager_cpu_count
    error_message = "task_manager_cpu_count is a whole number from 0 to 16."
  }
}

variable "task_manager_cpu_instance_type" {
  description = "Instance type of the CPU task managers."
  type        = string
  default     = "c6i.xlarge"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", var.task_manager_cpu_instance_type))
    error_message = "task_manager_cpu_instance_type is an EC2 type such as c6i.xlarge."
  }
}

variable "task_manager_cpu_max" {
  description = "The most CPU task managers that the scaling group may grow to, 0 to 16."
  type        = number
  default     = 16

  validation {
    condition     = var.task_manager_cpu_max >= var.task_manager_cpu_count && var.task_manager_cpu_max <= 16 && floor(var.task_manager_cpu_max) == var.task_manager_cpu_max
    error_message = "task_manager_cpu_max is a whole number from task_manager_cpu_count to 16."
  }
}

variable "task_manager_gpu_ami_id" {
  description = "AMI of the GPU task managers. null: ami_id, on which Ansible's role gpu installs the driver."
  type        = string
  default     = null

  validation {
    condition     = var.task_manager_gpu_ami_id == null || can(regex("^ami-[0-9a-f]+$", var.task_manager_gpu_ami_id))
    error_message = "task_manager_gpu_ami_id is an AMI such as ami-0123456789abcdef0, or null."
  }
}

variable "task_manager_gpu_count" {
  description = "GPU task managers, 0 to 16."
  type        = number
  default     = 0

  validation {
    condition     = var.task_manager_gpu_count >= 0 && var.task_manager_gpu_count <= 16 && floor(var.task_manager_gpu_count) == var.task_manager_gpu_count
    error_message = "task_manager_gpu_count is a whole number from 0 to 16."
  }
}

variable "task_manager_gpu_instance_type" {
  description = "Instance type of the GPU task managers."
  type        = string
  default     = "g4dn.xlarge"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", var.task_manager_gpu_instance_type))
    error_message = "task_manager_gpu_instance_type is an EC2 type such as g4dn.xlarge."
  }
}

variable "task_manager_gpu_max" {
  description = "The most GPU task managers that the scaling group may have, 0 to 16. With 0 there is no such group."
  type        = number
  default     = 0

  validation {
    condition     = var.task_manager_gpu_max <= 16 && floor(var.task_manager_gpu_max) == var.task_manager_gpu_max && var.task_manager_gpu_max >= 0
    error_message = "task_manager_gpu_max is a whole number from 0 to 16."
  }
}

variable "versioned_buckets" {
  description = "Which of the new buckets (storage, input, output) keep versions of what is overwritten or deleted."
  type        = set(string)
  default     = ["storage", "input", "output"]

  validation {
    condition     = alltrue([for bucket in var.versioned_buckets : contains(["storage", "input", "output"], bucket)])
    error_message = "versioned_buckets are of storage, input, output."
  }
}

variable "volume_gb" {
  description = "Root volume of job managers and task managers, in GB: system, logs, models, local state."
  type        = number
  default     = 40

  validation {
    condition     = var.volume_gb >= 10 && var.volume_gb <= 16384
    error_message = "volume_gb is from 10 to 16384."
  }
}

variable "vpc_cidr" {
  description = "Private network of the VPC, /16 to /22. Public subnets take its first half, private ones the second."
  type        = string
  default     = "10.60.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 22, false)
    error_message = "vpc_cidr is an IPv4 network of /16 to /22, such as 10.60.0.0/16."
  }
}
