variable "egress_cidrs" {
  description = "Networks outside that hosts may reach on ports 80 and 443."
  type        = list(string)
}

variable "name" {
  description = "Prefix of names."
  type        = string
}

variable "operator_cidrs" {
  description = "Networks that reach SSH, REST and Grafana."
  type        = list(string)
}

variable "s3_prefix_list_id" {
  description = "Prefix list of S3's addresses."
  type        = string
}

variable "ssh_enabled" {
  description = "Whether port 22 is open to operators, and from the job managers to the task managers."
  type        = bool
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}
