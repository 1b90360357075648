# A role for each kind of host, with what its code calls and no more. Reading an object that is not there
# must answer 404 rather than 403, which S3 does for those who may list: hence ListBucket.

locals {
  roles = ["job_manager", "task_manager", "metrics"]

  read_models = length(var.read_bucket_arns) == 0 ? [] : [
    {
      Sid      = "ListReadBuckets"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = var.read_bucket_arns
    },
    {
      Sid      = "ReadReadBuckets"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:GetObjectVersion"]
      Resource = [for arn in var.read_bucket_arns : "${arn}/*"]
    },
  ]

  read_input = [
    {
      Sid      = "ListInput"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = var.bucket_arns.input
    },
    {
      Sid      = "ReadInput"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:GetObjectVersion"]
      Resource = "${var.bucket_arns.input}/${var.input_prefix}*"
    },
  ]

  list_storage = {
    Sid      = "ListStorage"
    Effect   = "Allow"
    Action   = ["s3:ListBucket"]
    Resource = var.bucket_arns.storage
  }

  use_key = var.kms_key_arn == null ? [] : [{
    Sid       = "UseKey"
    Effect    = "Allow"
    Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
    Resource  = var.kms_key_arn
    Condition = { StringEquals = { "kms:ViaService" = "s3.${var.region}.amazonaws.com" } }
  }]

  # What the SSM agent calls; these actions know no narrower resource than all.
  use_ssm = !var.ssm_enabled ? [] : [{
    Sid    = "SystemsManager"
    Effect = "Allow"
    Action = [
      "ssm:UpdateInstanceInformation",
      "ssmmessages:CreateControlChannel",
      "ssmmessages:CreateDataChannel",
      "ssmmessages:OpenControlChannel",
      "ssmmessages:OpenDataChannel",
    ]
    Resource = "*"
  }]

  statements = {
    # Jobs, the lease and checkpoints' metadata; deletes checkpoints that are past; lists the input.
    job_manager = concat(
      [
        local.list_storage,
        {
          Sid      = "UseStorage"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
          Resource = "${var.bucket_arns.storage}/*"
        },
      ],
      local.read_input,
      local.read_models,
      !var.notifications_enabled ? [] : [{
        Sid      = "ReceiveNotices"
        Effect   = "Allow"
        Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"]
        Resource = var.queue_arn
      }],
      local.use_key,
      local.use_ssm,
    )

    # Images and models in, checkpoints' bytes and results out. Deletes nothing.
    task_manager = concat(
      [
        local.list_storage,
        {
          Sid      = "UseStorage"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"]
          Resource = "${var.bucket_arns.storage}/*"
        },
        {
          Sid      = "ListOutput"
          Effect   = "Allow"
          Action   = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
          Resource = var.bucket_arns.output
        },
        {
          Sid      = "WriteOutput"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"]
          Resource = "${var.bucket_arns.output}/*"
        },
      ],
      local.read_input,
      local.read_models,
      length(var.scaling_group_names) == 0 ? [] : [{
        Sid    = "ConfirmEnd"
        Effect = "Allow"
        Action = ["autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"]
        Resource = [
          for group in var.scaling_group_names :
          "arn:${var.partition}:autoscaling:${var.region}:${var.account_id}:autoScalingGroup:*:autoScalingGroupName/${group}"
        ]
      }],
      local.use_key,
      local.use_ssm,
    )

    # Prometheus' EC2 discovery; these actions know no narrower resource than all.
    metrics = concat(
      [{
        Sid       = "DiscoverHosts"
        Effect    = "Allow"
        Action    = ["ec2:DescribeInstances", "ec2:DescribeAvailabilityZones"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:RequestedRegion" = var.region } }
      }],
      local.use_ssm,
    )
  }
}

resource "aws_iam_role" "this" {
  for_each = toset(local.roles)

  name        = "${var.name}-${var.region}-${replace(each.value, "_", "-")}"
  description = "Sluice ${replace(each.value, "_", " ")}, deployment ${var.name}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = toset(local.roles)

  name = "sluice"
  role = aws_iam_role.this[each.value].id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.statements[each.value]
  })
}

resource "aws_iam_instance_profile" "this" {
  for_each = toset(local.roles)

  name = aws_iam_role.this[each.value].name
  role = aws_iam_role.this[each.value].name
  # An instance that starts before its permissions fails at its first call.
  depends_on = [aws_iam_role_policy.this]
}
