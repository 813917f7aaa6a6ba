data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  arn_prefix = "arn:${data.aws_partition.current.partition}:lambda:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"

  # Roles are global where functions are regional, so the Region is part of the name; IAM stops at 64 characters.
  role_name_full = "${var.name}-${data.aws_region.current.id}"
  role_name      = length(local.role_name_full) <= 64 ? local.role_name_full : "${substr(local.role_name_full, 0, 55)}-${substr(sha256(local.role_name_full), 0, 8)}"
}

################################################################################
# Package
################################################################################

locals {
  base64_alphabet = split("", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

  # Lambda states SHA-256 in base64, manifests and sha256sum in hexadecimal. Six hexadecimal digits are four of base64,
  # and the last four of 64 are three and a filler.
  sha256_groups = var.package.sha256 == null ? [] : [for start in range(0, 64, 6) : parseint(substr("${var.package.sha256}00", start, 6), 16)]
  sha256_digits = flatten([for group in local.sha256_groups : [for power in [262144, 4096, 64, 1] : local.base64_alphabet[floor(group / power) % 64]]])
  package_hash  = var.package.sha256 == null ? try(filebase64sha256(var.package.path), null) : "${join("", slice(local.sha256_digits, 0, 43))}="
}

################################################################################
# Function
################################################################################

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_116:Failed asynchronous invocations go to the destination of the alias (on_failure), which tells more than a dead-letter queue.
  #checkov:skip=CKV_AWS_173:The environment holds names and addresses, no secret; Lambda encrypts it with its own key, or with environment_kms_key_arn.
  #checkov:skip=CKV_AWS_272:The zip is checked by its SHA-256 in the manifest; signing needs a profile of the account: code_signing_config_arn.
  function_name = var.name
  description   = var.description
  role          = aws_iam_role.this.arn

  filename          = var.package.path
  s3_bucket         = var.package.s3_bucket
  s3_key            = var.package.s3_key
  s3_object_version = var.package.s3_object_version
  source_code_hash  = local.package_hash

  handler                        = var.handler
  runtime                        = var.runtime
  architectures                  = [var.architecture]
  memory_size                    = var.memory_mb
  timeout                        = var.timeout_seconds
  reserved_concurrent_executions = coalesce(var.reserved_concurrency, -1)
  publish                        = true
  kms_key_arn                    = var.environment_kms_key_arn
  code_signing_config_arn        = var.code_signing_config_arn
  tags                           = var.tags

  # The code writes one JSON object a line to standard output itself, which Lambda's runtime passes on as it is in either
  # format. Only the JSON format lets Lambda's own lines be left out: three for each invocation. Lambda must filter none
  # of ours: the code has a level of its own, and an EMF line has none, so it counts as INFO.
  logging_config {
    log_format            = "JSON"
    application_log_level = "DEBUG"
    system_log_level      = var.system_log_level
    log_group             = aws_cloudwatch_log_group.this.name
  }

  tracing_config {
    mode = var.tracing_mode
  }

  dynamic "environment" {
    for_each = length(var.environment) > 0 ? [var.environment] : []

    content {
      variables = environment.value
    }
  }

  dynamic "vpc_config" {
    for_each = var.vpc_config == null ? [] : [var.vpc_config]

    content {
      subnet_ids                  = vpc_config.value.subnet_ids
      security_group_ids          = vpc_config.value.security_group_ids
      ipv6_allowed_for_dual_stack = false
    }
  }

  # IAM answers before a new policy is in force everywhere; creating the function after it is refused less often.
  depends_on = [aws_iam_role_policy.this]

  # Lambda hashes what it runs. The alias follows the function, so callers never reach a zip that is not the given one.
  # In a plan the provider still shows the hash of before; the version, which no plan knows, puts this off to the apply.
  lifecycle {
    postcondition {
      condition     = self.version == "" || local.package_hash == null || self.code_sha256 == local.package_hash
      error_message = "package: Lambda got a zip of ${var.name} whose SHA-256 (base64) is ${self.code_sha256} where ${coalesce(local.package_hash, "none")} is asked for, and callers stay with the version before; put the zip of the manifest at its S3 key (or name its s3_object_version) and apply again."
    }
  }
}

# What callers invoke. Rolling back is moving this name to an earlier version.
resource "aws_lambda_alias" "live" {
  count = var.alias_moved_by_codedeploy ? 0 : 1

  name             = "live"
  description      = "The version in service"
  function_name    = aws_lambda_function.this.function_name
  function_version = var.canary == null ? aws_lambda_function.this.version : var.canary.stable_version

  dynamic "routing_config" {
    for_each = var.canary == null ? [] : [var.canary.weight]

    content {
      additional_version_weights = { (aws_lambda_function.this.version) = routing_config.value }
    }
  }
}

moved {
  from = aws_lambda_alias.live
  to   = aws_lambda_alias.live[0]
}

# The same alias where CodeDeploy moves it. What a resource ignores is fixed in the source, hence a second one.
resource "aws_lambda_alias" "deployed" {
  count = var.alias_moved_by_codedeploy ? 1 : 0

  name             = "live"
  description      = "The version in service; CodeDeploy moves it"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version

  lifecycle {
    ignore_changes = [function_version, routing_config]
  }
}

locals {
  alias = one(concat(aws_lambda_alias.live, aws_lambda_alias.deployed))
}

# Instances that are initialised before they are needed. They are the alias's, so they follow it from version to version.
resource "aws_lambda_provisioned_concurrency_config" "live" {
  count = var.provisioned_concurrency == null ? 0 : 1

  function_name                     = local.alias.function_name
  qualifier                         = local.alias.name
  provisioned_concurrent_executions = var.provisioned_concurrency
}

################################################################################
# Invocation
################################################################################

# Settings apply to one qualifier only. A publisher that names no qualifier must not lose events because of it.
resource "aws_lambda_function_event_invoke_config" "this" {
  for_each = var.async_invocation == null ? toset([]) : toset([local.alias.name, "$LATEST"])

  function_name                = local.alias.function_name
  qualifier                    = each.key
  maximum_retry_attempts       = var.async_invocation.maximum_retry_attempts
  maximum_event_age_in_seconds = var.async_invocation.maximum_event_age_seconds

  destination_config {
    on_failure {
      destination = var.async_invocation.on_failure_queue_arn
    }
  }

  # Lambda refuses a destination that the role may not send to.
  depends_on = [aws_iam_role_policy.this]
}

resource "aws_lambda_event_source_mapping" "sqs" {
  count = var.sqs_trigger == null ? 0 : 1

  function_name                      = local.alias.arn
  event_source_arn                   = var.sqs_trigger.queue_arn
  batch_size                         = var.sqs_trigger.batch_size
  maximum_batching_window_in_seconds = var.sqs_trigger.batching_window_seconds
  function_response_types            = ["ReportBatchItemFailures"]
  tags                               = var.tags

  dynamic "scaling_config" {
    for_each = var.sqs_trigger.maximum_concurrency == null ? [] : [var.sqs_trigger.maximum_concurrency]

    content {
      maximum_concurrency = scaling_config.value
    }
  }

  # Lambda refuses a mapping whose role may not read the queue.
  depends_on = [aws_iam_role_policy.this]
}

# A stream keeps its order by the table's partition key, and so do parallel batches of one shard.
resource "aws_lambda_event_source_mapping" "dynamodb_stream" {
  count = var.dynamodb_stream_trigger == null ? 0 : 1

  function_name                      = local.alias.arn
  event_source_arn                   = var.dynamodb_stream_trigger.stream_arn
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = var.dynamodb_stream_trigger.batch_size
  maximum_batching_window_in_seconds = var.dynamodb_stream_trigger.batching_window_seconds
  parallelization_factor             = var.dynamodb_stream_trigger.parallelization_factor
  bisect_batch_on_function_error     = true
  function_response_types            = ["ReportBatchItemFailures"]
  tags                               = var.tags

  # No limit of attempts: a record is retried until the stream drops it, after 24 hours.
  maximum_retry_attempts        = -1
  maximum_record_age_in_seconds = -1

  dynamic "destination_config" {
    for_each = var.dynamodb_stream_trigger.on_failure_queue_arn == null ? [] : [var.dynamodb_stream_trigger.on_failure_queue_arn]

    content {
      on_failure {
        destination_arn = destination_config.value
      }
    }
  }

  # Lambda refuses a mapping whose role may not read the stream.
  depends_on = [aws_iam_role_policy.this]
}

################################################################################
# Logs
################################################################################

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}
