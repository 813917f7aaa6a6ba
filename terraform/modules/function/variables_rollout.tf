################################################################################
# Rollout
################################################################################

variable "canary" {
  description = <<-EOT
    How the code given here is tried on a part of the calls; null to give it all of them at once.

    `stable_version`: the Lambda version that keeps the other calls: the output `version` of the apply before.
    `weight`: share of the calls that the new code gets, above 0 and below 1.
  EOT
  type = object({
    stable_version = string
    weight         = number
  })
  default = null

  validation {
    condition     = var.canary == null || can(regex("^[0-9]+$", var.canary.stable_version))
    error_message = "canary: stable_version is the number of a published version, such as \"7\"."
  }

  validation {
    condition     = try(var.canary.weight > 0 && var.canary.weight < 1, var.canary == null)
    error_message = "canary: weight is above 0 and below 1; leave canary out for all of the calls."
  }
}

variable "alias_moved_by_codedeploy" {
  description = "Whether CodeDeploy moves the alias: an apply then publishes the code, and leaves the alias where it is. Before a change for a function that exists, hand the alias over in the state: terraform state mv 'ADDRESS.aws_lambda_alias.live[0]' 'ADDRESS.aws_lambda_alias.deployed[0]'"
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.alias_moved_by_codedeploy || var.canary == null
    error_message = "alias_moved_by_codedeploy: CodeDeploy shifts the calls itself; leave canary out."
  }
}

variable "provisioned_concurrency" {
  description = "Instances that are kept initialised (charged by the hour), so that as many calls at once have no cold start; null for none"
  type        = number
  default     = null

  validation {
    condition     = var.provisioned_concurrency == null || try(var.provisioned_concurrency >= 1 && floor(var.provisioned_concurrency) == var.provisioned_concurrency, false)
    error_message = "provisioned_concurrency: give a whole number of at least 1, or null for none."
  }

  validation {
    condition     = try(var.provisioned_concurrency <= var.reserved_concurrency, true)
    error_message = "provisioned_concurrency: they are part of reserved_concurrency; lower them, or raise that."
  }
}

################################################################################
# Protection
################################################################################

variable "environment_kms_key_arn" {
  description = "ARN of the KMS key that encrypts the environment variables; null for the key that Lambda manages. Who deploys needs kms:CreateGrant on it: the function itself needs nothing"
  type        = string
  default     = null

  validation {
    condition     = var.environment_kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+", var.environment_kms_key_arn))
    error_message = "environment_kms_key_arn: give the ARN of the key itself (…:key/…), not an alias."
  }
}

variable "code_signing_config_arn" {
  description = "ARN of the code signing configuration that the zip must satisfy; null for none. AWS Signer writes signed zips to S3: give them as s3_bucket and s3_key, with their own sha256"
  type        = string
  default     = null

  validation {
    condition     = var.code_signing_config_arn == null || var.package.path == null
    error_message = "code_signing_config_arn: a zip that was built here is not signed; give the signed one as s3_bucket and s3_key."
  }
}

variable "role_path" {
  description = "IAM path of the function's role, where the organisation asks for one: /team/"
  type        = string
  default     = "/"

  validation {
    condition     = can(regex("^/([a-zA-Z0-9+=,.@_-]+/)*$", var.role_path))
    error_message = "role_path: it begins and ends with a slash, such as /team/."
  }
}
