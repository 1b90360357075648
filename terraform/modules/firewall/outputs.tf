output "group_ids" {
  description = "Security groups: job_manager, task_manager, metrics, endpoints."
  value       = { for key, group in aws_security_group.this : key => group.id }
}

output "open_cidrs" {
  description = "Every network that any rule names, to be looked over."
  value = sort(distinct(concat(
    [for rule in aws_vpc_security_group_ingress_rule.operator : rule.cidr_ipv4],
    [for rule in aws_vpc_security_group_egress_rule.outside : rule.cidr_ipv4],
  )))
}

output "ingress" {
  description = "Every way in, as `group port source`."
  value = sort(concat(
    [for rule in local.between : "${rule.to} ${local.ports[rule.port]} ${rule.from}"],
    [for pair in setproduct(local.from_operators, var.operator_cidrs) : "${pair[0].to} ${local.ports[pair[0].port]} ${pair[1]}"],
  ))
}
