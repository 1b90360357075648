# Hosts of one kind, numbered from 1. A count that grows adds the next numbers, one that shrinks takes the
# highest away: no other host is touched.

locals {
  names = [for number in range(1, var.host_count + 1) : "${var.name}-${number}"]
}

resource "aws_instance" "this" {
  # Whether a host has a public address is its subnet's matter.
  for_each = { for index, name in local.names : name => var.subnet_ids[index % length(var.subnet_ids)] }

  ami                    = var.ami_id
  instance_type          = var.instance_type
  subnet_id              = each.value
  vpc_security_group_ids = [var.security_group_id]
  iam_instance_profile   = var.instance_profile
  key_name               = var.key_name
  user_data              = "#cloud-config\nhostname: ${each.key}\nmanage_etc_hosts: true\n"

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = var.volume_gb
    encrypted   = true
  }

  tags = {
    Name = each.key
    Role = var.role
  }

  lifecycle {
    # A newer image of the system is no reason to replace a host that works: `-replace` does it on purpose.
    ignore_changes = [ami, user_data]
  }
}
