variable "abort_uploads_after_days" {
  description = "Days after which S3 removes multipart uploads that nobody completed."
  type        = number
}

variable "account_id" {
  description = "AWS account, part of the names of new buckets."
  type        = string
}

variable "existing_buckets" {
  description = "Names of buckets that exist, by use (storage, input, output); null: a new one."
  type        = map(string)
}

variable "force_destroy" {
  description = "Whether buckets that hold objects may be destroyed."
  type        = bool
}

variable "input_prefix" {
  description = "Prefix of the images in the input bucket."
  type        = string
}

variable "kms_key_arn" {
  description = "KMS key of the new buckets; null: SSE-S3."
  type        = string
}

variable "name" {
  description = "Prefix of names."
  type        = string
}

variable "noncurrent_versions_days" {
  description = "Days for which old versions are kept, by use."
  type        = map(number)
}

variable "notifications_enabled" {
  description = "Whether notices of new input objects go to a queue."
  type        = bool
}

variable "partition" {
  description = "AWS partition, such as aws."
  type        = string
}

variable "region" {
  description = "AWS region, part of the names of new buckets."
  type        = string
}

variable "versioned_buckets" {
  description = "Uses whose new buckets are versioned."
  type        = set(string)
}
