variable "name" {
  description = "Prefix of names."
  type        = string
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "security_group_id" {
  description = "Security group of the endpoints."
  type        = string
}

variable "services" {
  description = "AWS services to be reached privately, such as ec2, sqs."
  type        = set(string)
}

variable "subnet_ids" {
  description = "Private subnets, one of each zone."
  type        = list(string)
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}
