mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  operator_cidr = "203.0.113.7/32"
  ssh_key_name  = "operators"
}

# Buckets, their notices, and what each role may do.

run "buckets_are_private_encrypted_and_cleaned" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    name                     = "sluice"
    account_id               = "123456789012"
    partition                = "aws"
    region                   = "us-east-1"
    existing_buckets         = { storage = null, input = null, output = null }
    versioned_buckets        = ["input", "output"]
    noncurrent_versions_days = { storage = 1, input = 30, output = 30 }
    abort_uploads_after_days = 7
    force_destroy            = false
    kms_key_arn              = null
    notifications_enabled    = true
    input_prefix             = "images/"
  }

  assert {
    condition     = alltrue([for block in aws_s3_bucket_public_access_block.this : block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets])
    error_message = "public access is blocked in all four ways"
  }

  assert {
    condition     = alltrue([for encryption in aws_s3_bucket_server_side_encryption_configuration.this : one(one(encryption.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"])
    error_message = "buckets are encrypted by S3's keys"
  }

  assert {
    condition     = keys(aws_s3_bucket_versioning.this) == ["input", "output"]
    error_message = "the buckets that were named are versioned"
  }

  assert {
    condition     = alltrue([for lifecycle in aws_s3_bucket_lifecycle_configuration.this : lifecycle.rule[0].abort_incomplete_multipart_upload[0].days_after_initiation == 7])
    error_message = "uploads that nobody completes are removed"
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this["storage"].rule[1].noncurrent_version_expiration[0].noncurrent_days == 1
    error_message = "old versions are removed"
  }

  assert {
    condition     = one(aws_s3_bucket_notification.input[0].queue).filter_prefix == "images/"
    error_message = "notices are sent for the prefix"
  }
}

run "a_key_of_ones_own" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }

  assert {
    condition     = output.inventory.vars.encryption == "aws:kms" && output.inventory.vars.kms_key_id == var.kms_key_arn
    error_message = "the inventory names the key"
  }
}

run "existing_buckets" {
  command = plan

  variables {
    existing_storage_bucket = "team-storage"
    existing_input_bucket   = "team-images"
  }

  assert {
    condition = output.bucket_names == {
      storage = "team-storage"
      input   = "team-images"
      output  = "sluice-123456789012-us-east-1-output"
    }
    error_message = "existing buckets are used, the third is new"
  }

  assert {
    condition     = output.input_queue_url == null
    error_message = "the notifications of an existing bucket are left alone"
  }
}

run "roles_may_do_what_they_must" {
  command = plan

  module {
    source = "./modules/iam"
  }

  variables {
    name                  = "sluice"
    account_id            = "123456789012"
    partition             = "aws"
    region                = "us-east-1"
    bucket_arns           = { storage = "arn:aws:s3:::s", input = "arn:aws:s3:::i", output = "arn:aws:s3:::o" }
    input_prefix          = "images/"
    kms_key_arn           = null
    notifications_enabled = true
    queue_arn             = "arn:aws:sqs:us-east-1:123456789012:sluice-input"
    read_bucket_arns      = []
    scaling_group_names   = []
    ssm_enabled           = false
  }

  assert {
    condition     = alltrue([for statement in local.statements.task_manager : !contains(statement.Action, "s3:DeleteObject") && !strcontains(jsonencode(statement.Action), "*")])
    error_message = "task managers delete nothing, and have no wildcard"
  }

  assert {
    condition     = alltrue([for statement in local.statements.job_manager : !strcontains(jsonencode(statement.Resource), ":::o")])
    error_message = "job managers have no access to the output"
  }

  assert {
    condition     = length([for statement in local.statements.metrics : statement if strcontains(jsonencode(statement), "s3:")]) == 0
    error_message = "the metrics host has no access to any bucket"
  }

  assert {
    condition     = alltrue([for role, statements in local.statements : alltrue([for statement in statements : statement.Resource != "*" || role == "metrics"])])
    error_message = "only what knows no narrower resource has all"
  }
}
