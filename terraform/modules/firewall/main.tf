# Who talks to whom, as one table. Between groups a row makes two rules: egress where it comes from,
# ingress where it goes. What is not listed is closed, in both directions. (Traffic to the VPC's name
# server, its clock and the instance metadata is not subject to security groups.)

locals {
  ports = {
    ssh     = 22
    rpc     = 6123
    data    = 6124
    rest    = 8081
    metrics = 9249
    grafana = 3000
    http    = 80
    https   = 443
  }

  groups = {
    job_manager  = "Job managers"
    task_manager = "Task managers, CPU and GPU"
    metrics      = "Prometheus and Grafana"
    endpoints    = "Private endpoints of AWS APIs"
  }

  hosts = ["job_manager", "task_manager", "metrics"]

  between = concat(
    [
      { from = "task_manager", to = "job_manager", port = "rpc" },
      { from = "task_manager", to = "task_manager", port = "data" },
      { from = "metrics", to = "task_manager", port = "metrics" },
      { from = "metrics", to = "job_manager", port = "rest" },
    ],
    # Task managers have private addresses: people come by a job manager.
    var.ssh_enabled ? [{ from = "job_manager", to = "task_manager", port = "ssh" }] : [],
    [for host in local.hosts : { from = host, to = "endpoints", port = "https" }],
  )

  from_operators = concat(
    [
      { to = "job_manager", port = "rest" },
      { to = "metrics", port = "grafana" },
    ],
    var.ssh_enabled ? [{ to = "job_manager", port = "ssh" }, { to = "metrics", port = "ssh" }] : [],
  )

  to_s3 = ["job_manager", "task_manager"]
}

resource "aws_security_group" "this" {
  for_each = local.groups

  name        = "${var.name}-${replace(each.key, "_", "-")}"
  description = each.value
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-${replace(each.key, "_", "-")}" }
}

resource "aws_vpc_security_group_ingress_rule" "between" {
  for_each = { for rule in local.between : "${rule.from}-${rule.to}-${rule.port}" => rule }

  security_group_id            = aws_security_group.this[each.value.to].id
  referenced_security_group_id = aws_security_group.this[each.value.from].id
  ip_protocol                  = "tcp"
  from_port                    = local.ports[each.value.port]
  to_port                      = local.ports[each.value.port]

  tags = { Name = "${each.value.port} from ${each.value.from}" }
}

resource "aws_vpc_security_group_egress_rule" "between" {
  for_each = { for rule in local.between : "${rule.from}-${rule.to}-${rule.port}" => rule }

  security_group_id            = aws_security_group.this[each.value.from].id
  referenced_security_group_id = aws_security_group.this[each.value.to].id
  ip_protocol                  = "tcp"
  from_port                    = local.ports[each.value.port]
  to_port                      = local.ports[each.value.port]

  tags = { Name = "${each.value.port} to ${each.value.to}" }
}

resource "aws_vpc_security_group_ingress_rule" "operator" {
  for_each = {
    for pair in setproduct(local.from_operators, var.operator_cidrs) :
    "${pair[0].to}-${pair[0].port}-${pair[1]}" => { to = pair[0].to, port = pair[0].port, cidr = pair[1] }
  }

  security_group_id = aws_security_group.this[each.value.to].id
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = local.ports[each.value.port]
  to_port           = local.ports[each.value.port]

  tags = { Name = "${each.value.port} from operators" }
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  for_each = toset(local.to_s3)

  security_group_id = aws_security_group.this[each.value].id
  prefix_list_id    = var.s3_prefix_list_id
  ip_protocol       = "tcp"
  from_port         = local.ports.https
  to_port           = local.ports.https

  tags = { Name = "https to S3" }
}

resource "aws_vpc_security_group_egress_rule" "outside" {
  for_each = {
    for triple in setproduct(local.hosts, ["http", "https"], var.egress_cidrs) :
    "${triple[0]}-${triple[1]}-${triple[2]}" => { from = triple[0], port = triple[1], cidr = triple[2] }
  }

  security_group_id = aws_security_group.this[each.value.from].id
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = local.ports[each.value.port]
  to_port           = local.ports[each.value.port]

  tags = { Name = "${each.value.port} to egress_cidrs" }
}
