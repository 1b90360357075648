provider "aws" {
  region = var.region

  default_tags {
    tags = merge(var.tags, {
      Deployment = var.name
      ManagedBy  = "terraform"
    })
  }
}
