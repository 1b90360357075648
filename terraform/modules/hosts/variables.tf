variable "ami_id" {
  description = "AMI of new hosts; those that exist keep theirs."
  type        = string
}

variable "host_count" {
  description = "How many hosts."
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
  description = "Name of the hosts without their numbers."
  type        = string
}

variable "public_address" {
  description = "Whether the subnets give hosts a public address besides their private one."
  type        = bool
}

variable "role" {
  description = "Value of the tag Role, the group of Ansible's inventory."
  type        = string
}

variable "security_group_id" {
  description = "Security group of the hosts."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets, used in turn."
  type        = list(string)
}

variable "volume_gb" {
  description = "Root volume in GB."
  type        = number
}
