# Task managers that come and go. When the group ends a host, the hook holds it in Terminating:Wait; a
# unit on the host sees that, stops the task manager, which drains, and tells the group to go on.

locals {
  hook_name = "drain"

  user_data = templatefile("${path.module}/user-data.yaml.tftpl", {
    script      = file("${path.module}/../../files/drain-on-termination.sh")
    unit        = file("${path.module}/../../files/sluice-drain-on-termination.service")
    environment = "REGION=${var.region}\nSCALING_GROUP=${var.name}\nLIFECYCLE_HOOK=${local.hook_name}\nHEARTBEAT_SECONDS=${floor(var.drain_timeout_seconds / 3)}\n"
  })

  host_tags = merge(var.tags, { Name = var.name, Role = var.role })
}

# Its root device has the name that the image gives it: another one would be a second volume.
data "aws_ami" "this" {
  filter {
    name   = "image-id"
    values = [var.ami_id]
  }
}

resource "aws_launch_template" "this" {
  name                   = var.name
  image_id               = var.ami_id
  instance_type          = var.instance_type
  key_name               = var.key_name
  update_default_version = true
  vpc_security_group_ids = [var.security_group_id]
  user_data              = base64encode(local.user_data)

  iam_instance_profile {
    name = var.instance_profile
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = data.aws_ami.this.root_device_name

    ebs {
      volume_type           = "gp3"
      volume_size           = var.volume_gb
      encrypted             = true
      delete_on_termination = true
    }
  }

  tag_specifications {
    resource_type = "volume"
    tags          = local.host_tags
  }
}

resource "aws_autoscaling_group" "this" {
  name                = var.name
  vpc_zone_identifier = var.subnet_ids
  min_size            = var.host_count
  max_size            = var.host_max
  desired_capacity    = var.cpu_target_percent == null ? var.host_count : null
  health_check_type   = "EC2"

  launch_template {
    id      = aws_launch_template.this.id
    version = aws_launch_template.this.latest_version
  }

  dynamic "tag" {
    for_each = local.host_tags

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }
}

# Not the group's initial hook: `terraform destroy` takes the hook first, and waits for no drain.
resource "aws_autoscaling_lifecycle_hook" "drain" {
  name                   = local.hook_name
  autoscaling_group_name = aws_autoscaling_group.this.name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  heartbeat_timeout      = var.drain_timeout_seconds
  default_result         = "CONTINUE"
}

resource "aws_autoscaling_policy" "cpu" {
  count = var.cpu_target_percent == null ? 0 : 1

  name                      = "cpu"
  autoscaling_group_name    = aws_autoscaling_group.this.name
  policy_type               = "TargetTrackingScaling"
  estimated_instance_warmup = 180

  target_tracking_configuration {
    target_value = var.cpu_target_percent

    predefined_metric_specification {
      predefined_metric_type = "ASGAverageCPUUtilization"
    }
  }
}
