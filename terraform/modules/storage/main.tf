# Buckets for jobs and checkpoints (storage), images (input) and results (output), or existing ones in
# their place, whose settings are left alone.

locals {
  uses = ["storage", "input", "output"]

  # An account and a region make the names free all over the world, and the same at every plan.
  new_buckets = {
    for use in local.uses : use => "${var.name}-${var.account_id}-${var.region}-${use}"
    if var.existing_buckets[use] == null
  }

  bucket_names = { for use in local.uses : use => coalesce(var.existing_buckets[use], "${var.name}-${var.account_id}-${var.region}-${use}") }
  bucket_arns  = { for use, name in local.bucket_names : use => "arn:${var.partition}:s3:::${name}" }
}

resource "aws_s3_bucket" "this" {
  for_each = local.new_buckets

  bucket        = each.value
  force_destroy = var.force_destroy

  tags = { Name = each.value }
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = aws_s3_bucket.this

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = { for use, bucket in aws_s3_bucket.this : use => bucket if contains(var.versioned_buckets, use) }

  bucket = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket     = each.value.id
  depends_on = [aws_s3_bucket_versioning.this]

  rule {
    id     = "abort-incomplete-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = var.abort_uploads_after_days
    }
  }

  # Once a bucket was versioned there may be old versions, even when it no longer is.
  rule {
    id     = "expire-old-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_versions_days[each.key]
    }

    expiration {
      expired_object_delete_marker = true
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = aws_s3_bucket.this

  bucket     = each.value.id
  depends_on = [aws_s3_bucket_public_access_block.this]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "DenyWithoutTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [each.value.arn, "${each.value.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_sqs_queue" "input" {
  count = var.notifications_enabled ? 1 : 0

  name                       = "${var.name}-input"
  sqs_managed_sse_enabled    = true
  message_retention_seconds  = 14 * 24 * 3600
  receive_wait_time_seconds  = 20
  visibility_timeout_seconds = 300

  tags = { Name = "${var.name}-input" }
}

resource "aws_sqs_queue_policy" "input" {
  count = var.notifications_enabled ? 1 : 0

  queue_url = aws_sqs_queue.input[0].url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "InputBucketSends"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.input[0].arn
        Condition = {
          ArnEquals    = { "aws:SourceArn" = local.bucket_arns.input }
          StringEquals = { "aws:SourceAccount" = var.account_id }
        }
      },
      {
        Sid       = "DenyWithoutTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.input[0].arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_s3_bucket_notification" "input" {
  count = var.notifications_enabled ? 1 : 0

  bucket     = local.bucket_names.input
  depends_on = [aws_s3_bucket.this, aws_sqs_queue_policy.input]

  queue {
    id            = "new-input"
    queue_arn     = aws_sqs_queue.input[0].arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = var.input_prefix
  }
}
