# What the plan reads of AWS.

mock_data "aws_availability_zones" {
  defaults = {
    names = ["us-east-1a", "us-east-1b", "us-east-1c"]
  }
}

mock_data "aws_caller_identity" {
  defaults = {
    account_id = "123456789012"
  }
}

mock_data "aws_partition" {
  defaults = {
    partition = "aws"
  }
}

mock_data "aws_ssm_parameter" {
  defaults = {
    value = "ami-0debian0000000000"
  }
}

mock_data "aws_ami" {
  defaults = {
    root_device_name = "/dev/xvda"
  }
}

mock_resource "aws_vpc_endpoint" {
  defaults = {
    prefix_list_id = "pl-63a5400a"
  }
}

mock_resource "aws_sqs_queue" {
  defaults = {
    arn = "arn:aws:sqs:us-east-1:123456789012:sluice-input"
    url = "https://sqs.us-east-1.amazonaws.com/123456789012/sluice-input"
  }
}

mock_resource "aws_launch_template" {
  defaults = {
    latest_version = 1
  }
}
