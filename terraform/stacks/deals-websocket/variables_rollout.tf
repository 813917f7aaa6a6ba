################################################################################
# Rollout
################################################################################

variable "canaries" {
  description = <<-EOT
    Functions whose newest code gets a part of the calls, by function: { broadcast = { stable_version = "7", weight = 0.1 } }.
    Leave a function out to give its newest code all of them, or set `function_versions` to take it back.

    `stable_version`: the Lambda version that keeps the other calls, of the output `lambda_versions` before the change.
    `weight`: share of the calls that the newest code gets, above 0 and below 1.
  EOT
  type = map(object({
    stable_version = string
    weight         = number
  }))
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.canaries), keys(local.timeouts_seconds))) == 0
    error_message = "canaries: a key is a function of this stack: ${join(", ", keys(local.timeouts_seconds))}."
  }
}

variable "provisioned_concurrency" {
  description = "Instances that are kept initialised (charged by the hour), by function, so that as many calls at once have no cold start. It helps functions with waiting users: authorizer, connection_handler, message_router"
  type        = map(number)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.provisioned_concurrency), keys(local.timeouts_seconds))) == 0
    error_message = "provisioned_concurrency: a key is a function of this stack: ${join(", ", keys(local.timeouts_seconds))}."
  }
}

################################################################################
# Protection
################################################################################

variable "environment_kms_key_arn" {
  description = "ARN of a customer managed KMS key that encrypts the functions' environment variables, which hold no secret; null for the key that Lambda manages. Who deploys needs kms:CreateGrant on it"
  type        = string
  default     = null
}

variable "code_signing_config_arn" {
  description = "ARN of a code signing configuration that every function's zip must satisfy; null for none. The signed zips come from `package_bucket`, and the manifest names their SHA-256"
  type        = string
  default     = null

  validation {
    condition     = var.code_signing_config_arn == null || var.package_bucket != null
    error_message = "code_signing_config_arn: zips beside the manifest are not signed; have AWS Signer write them to a bucket, and set package_bucket."
  }
}

variable "role_path" {
  description = "IAM path of the roles, where the organisation asks for one: /team/"
  type        = string
  default     = "/"

  validation {
    condition     = can(regex("^/([a-zA-Z0-9+=,.@_-]+/)*$", var.role_path))
    error_message = "role_path: it begins and ends with a slash, such as /team/."
  }
}
