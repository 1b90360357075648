output "bucket_arns" {
  description = "ARNs of the buckets, by use."
  value       = local.bucket_arns
}

output "bucket_names" {
  description = "Names of the buckets, by use."
  value       = local.bucket_names
}

output "queue_arn" {
  description = "Queue of notices of new input; null: there is none."
  value       = one(aws_sqs_queue.input[*].arn)
}

output "queue_url" {
  description = "URL of that queue; null: there is none."
  value       = one(aws_sqs_queue.input[*].url)
}
