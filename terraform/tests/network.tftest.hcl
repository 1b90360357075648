mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  operator_cidr = "203.0.113.7/32"
  ssh_key_name  = "operators"
}

# Who reaches what: no rule and no route is open to the world, whatever the variables say.

run "closed_by_default" {
  command = plan

  assert {
    condition     = output.security.networks == tolist(["203.0.113.7/32"])
    error_message = "the operator's is the only network that a rule names"
  }

  assert {
    condition = output.security.ingress == tolist([
      "endpoints 443 job_manager",
      "endpoints 443 metrics",
      "endpoints 443 task_manager",
      "job_manager 22 203.0.113.7/32",
      "job_manager 6123 task_manager",
      "job_manager 8081 203.0.113.7/32",
      "job_manager 8081 metrics",
      "metrics 22 203.0.113.7/32",
      "metrics 3000 203.0.113.7/32",
      "task_manager 22 job_manager",
      "task_manager 6124 task_manager",
      "task_manager 9249 metrics",
    ])
    error_message = "the ways in are these and no others"
  }
}

run "without_ssh_no_port_22" {
  command = plan

  variables {
    ssh_key_name = null
    ssm_enabled  = true
  }

  assert {
    condition     = length([for way in output.security.ingress : way if strcontains(way, " 22 ")]) == 0
    error_message = "port 22 is closed where SSM is the way in"
  }

  assert {
    condition     = local.endpoint_services == toset(["ec2", "sqs", "ssm", "ssmmessages", "ec2messages"])
    error_message = "SSM's endpoints are there"
  }
}

run "more_networks" {
  command = plan

  variables {
    additional_operator_cidrs = ["198.51.100.0/24"]
    egress_cidrs              = ["151.101.0.0/16"]
    nat_gateway_enabled       = true
  }

  assert {
    condition     = output.security.networks == tolist(["151.101.0.0/16", "198.51.100.0/24", "203.0.113.7/32"])
    error_message = "rules name the networks that were given"
  }

  assert {
    condition     = contains(output.security.ingress, "metrics 3000 198.51.100.0/24")
    error_message = "the second network reaches Grafana"
  }

  assert {
    condition     = length([for way in output.security.ingress : way if strcontains(way, "151.101")]) == 0
    error_message = "egress networks have no way in"
  }

  assert {
    condition     = output.hourly_price.components.nat_gateway == 0.05
    error_message = "the NAT gateway and its address have a price"
  }
}

run "the_rules_themselves" {
  command = plan

  module {
    source = "./modules/firewall"
  }

  variables {
    name              = "sluice"
    vpc_id            = "vpc-a"
    operator_cidrs    = ["203.0.113.7/32"]
    egress_cidrs      = ["151.101.0.0/16"]
    s3_prefix_list_id = "pl-63a5400a"
    ssh_enabled       = true
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.between : rule.cidr_ipv4 == null && rule.cidr_ipv6 == null && rule.ip_protocol == "tcp" && rule.from_port == rule.to_port])
    error_message = "between groups there are groups, single ports and TCP only"
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_egress_rule.outside : rule.cidr_ipv4 == "151.101.0.0/16" && contains([80, 443], rule.from_port)])
    error_message = "the way out is to the given networks, 80 and 443"
  }

  assert {
    condition     = keys(aws_vpc_security_group_egress_rule.between) == keys(aws_vpc_security_group_ingress_rule.between)
    error_message = "each way out has its way in"
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_egress_rule.s3 : rule.prefix_list_id == "pl-63a5400a" && rule.from_port == 443])
    error_message = "S3 is reached by its prefix list"
  }
}

run "the_network_itself" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    name                = "sluice"
    region              = "us-east-1"
    vpc_cidr            = "10.60.0.0/16"
    availability_zones  = ["us-east-1a", "us-east-1b", "us-east-1c"]
    operator_cidrs      = ["203.0.113.7/32"]
    egress_cidrs        = ["151.101.0.0/16"]
    nat_gateway_enabled = true
    bucket_arns         = ["arn:aws:s3:::one"]
  }

  assert {
    condition     = toset([for route in aws_route.public : route.destination_cidr_block]) == toset(["203.0.113.7/32", "151.101.0.0/16"])
    error_message = "public subnets have no default route"
  }

  assert {
    condition     = [for route in aws_route.private : route.destination_cidr_block] == ["151.101.0.0/16"]
    error_message = "private subnets go out to egress_cidrs only"
  }

  assert {
    condition     = length(distinct(concat([for subnet in aws_subnet.public : subnet.cidr_block], [for subnet in aws_subnet.private : subnet.cidr_block]))) == 6
    error_message = "a public and a private subnet in each zone, none twice"
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.private : subnet.map_public_ip_on_launch != true])
    error_message = "hosts of private subnets have no public address"
  }

  assert {
    condition     = jsondecode(aws_vpc_endpoint.s3.policy).Statement[0].Resource == ["arn:aws:s3:::one", "arn:aws:s3:::one/*"]
    error_message = "the S3 endpoint leads to the deployment's buckets only"
  }
}

run "no_nat_gateway_by_default" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    name                = "sluice"
    region              = "us-east-1"
    vpc_cidr            = "10.60.0.0/16"
    availability_zones  = ["us-east-1a", "us-east-1b"]
    operator_cidrs      = ["203.0.113.7/32"]
    egress_cidrs        = ["151.101.0.0/16"]
    nat_gateway_enabled = false
    bucket_arns         = ["arn:aws:s3:::one"]
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 0 && length(aws_route.private) == 0
    error_message = "private subnets have no way out"
  }
}
