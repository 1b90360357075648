variable "availability_zones" {
  description = "Zones that get a public and a private subnet each."
  type        = list(string)
}

variable "bucket_arns" {
  description = "Buckets that may be reached through the S3 gateway endpoint, and no others."
  type        = list(string)
}

variable "egress_cidrs" {
  description = "Networks outside that hosts may reach."
  type        = list(string)
}

variable "name" {
  description = "Prefix of names."
  type        = string
}

variable "nat_gateway_enabled" {
  description = "Whether private subnets reach egress_cidrs through a NAT gateway."
  type        = bool
}

variable "operator_cidrs" {
  description = "Networks from which people work: answers to them leave through the internet gateway."
  type        = list(string)
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "vpc_cidr" {
  description = "Private network of the VPC."
  type        = string
}
