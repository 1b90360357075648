variable "account_id" {
  description = "AWS account."
  type        = string
}

variable "bucket_arns" {
  description = "ARNs of the buckets, by use: storage, input, output."
  type        = map(string)
}

variable "input_prefix" {
  description = "Prefix of the input bucket that may be read."
  type        = string
}

variable "kms_key_arn" {
  description = "KMS key of the buckets; null: none."
  type        = string
}

variable "name" {
  description = "Prefix of names."
  type        = string
}

variable "notifications_enabled" {
  description = "Whether there is a queue that job managers read."
  type        = bool
}

variable "partition" {
  description = "AWS partition, such as aws."
  type        = string
}

variable "queue_arn" {
  description = "Queue of notices of new input; null: there is none."
  type        = string
}

variable "read_bucket_arns" {
  description = "ARNs of more buckets that job managers and task managers may read."
  type        = list(string)
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "scaling_group_names" {
  description = "Scaling groups of the task managers, whose ends they may confirm; empty: none."
  type        = list(string)
}

variable "ssm_enabled" {
  description = "Whether AWS Systems Manager may reach the hosts."
  type        = bool
}
