output "private_subnet_ids" {
  description = "Private subnets, in the order of the zones."
  value       = [for zone in var.availability_zones : aws_subnet.private[zone].id]
}

output "public_subnet_ids" {
  description = "Public subnets, in the order of the zones."
  value       = [for zone in var.availability_zones : aws_subnet.public[zone].id]
}

output "s3_prefix_list_id" {
  description = "Prefix list of S3's addresses, for security group rules."
  value       = aws_vpc_endpoint.s3.prefix_list_id
}

output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}
