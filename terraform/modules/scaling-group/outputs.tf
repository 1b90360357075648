output "group_name" {
  description = "Name of the scaling group."
  value       = aws_autoscaling_group.this.name
}

output "hook_name" {
  description = "Name of the lifecycle hook that drains."
  value       = aws_autoscaling_lifecycle_hook.drain.name
}
