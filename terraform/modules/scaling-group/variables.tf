variable "ami_id" {
  description = "AMI on which Ansible has run: hosts start from it without anybody's help."
  type        = string
}

variable "cpu_target_percent" {
  description = "CPU use that the group is held at; null: it keeps host_count hosts."
  type        = number
}

variable "drain_timeout_seconds" {
  description = "How long the end of a host waits for its next sign of life while it drains."
  type        = number
}

variable "host_count" {
  description = "How many hosts; with cpu_target_percent the least."
  type        = number
}

variable "host_max" {
  description = "The most hosts."
  type        = number
}

variable "instance_profile" {
  description = "Name of the instance profile."
  type        = string
}

variable "instance_type" {
  description = "Instance type."
  type        = string
}

variable "key_name" {
  description = "EC2 key pair; null: none."
  type        = string
}

variable "name" {
  description = "Name of the group and of its hosts."
  type        = string
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "role" {
  description = "Value of the tag Role."
  type        = string
}

variable "security_group_id" {
  description = "Security group of the hosts."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets over which the group spreads."
  type        = list(string)
}

variable "tags" {
  description = "Tags of hosts and volumes, which do not inherit the provider's."
  type        = map(string)
}

variable "volume_gb" {
  description = "Root volume in GB."
  type        = number
}
