output "hosts" {
  description = "The hosts in the order of their numbers, as the inventory shows them."
  value = [
    for name in local.names : {
      name              = name
      id                = aws_instance.this[name].id
      private_ip        = aws_instance.this[name].private_ip
      public_ip         = var.public_address ? aws_instance.this[name].public_ip : null
      private_dns       = aws_instance.this[name].private_dns
      availability_zone = aws_instance.this[name].availability_zone
      instance_type     = aws_instance.this[name].instance_type
    }
  ]
}
