output "instance_profiles" {
  description = "Names of the instance profiles: job_manager, task_manager, metrics."
  value       = { for key, profile in aws_iam_instance_profile.this : key => profile.name }
}

output "role_arns" {
  description = "ARNs of the roles, for policies of keys and of buckets elsewhere."
  value       = { for key, role in aws_iam_role.this : key => role.arn }
}
