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

variable "codedeploy_configurations" {
  description = <<-EOT
    How CodeDeploy shifts the calls of functions to their newest code, by function:
    { broadcast = "CodeDeployDefault.LambdaCanary10Percent5Minutes" }, or a configuration of your own. An apply then
    publishes the code, and the output `codedeploy_deployments` has what starts the shift. For a function that exists,
    hand its alias over in the state first: see the README.
  EOT
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.codedeploy_configurations), keys(local.timeouts_seconds))) == 0
    error_message = "codedeploy_configurations: a key is a function of this stack: ${join(", ", keys(local.timeouts_seconds))}."
  }

  validation {
    condition     = length(setintersection(keys(var.codedeploy_configurations), keys(var.canaries))) == 0
    error_message = "codedeploy_configurations: CodeDeploy shifts the calls itself; take these functions out of canaries: ${join(", ", setintersection(keys(var.codedeploy_configurations), keys(var.canaries)))}."
  }
}

variable "codedeploy_alarms" {
  description = "Alarms, by their keys, that stop a deployment and take the alias back. Of those that there are for each function, each counts the deployed one's; none without alarms_enabled"
  type        = set(string)
  default     = ["authorizer_faults", "error_rate", "lambda_duration", "lambda_errors", "lambda_throttles"]
  nullable    = false

  validation {
    condition     = length(var.codedeploy_alarms) <= 10
    error_message = "codedeploy_alarms: CodeDeploy watches at most 10."
  }

  validation {
    condition     = !contains(var.codedeploy_alarms, "unhealthy")
    error_message = "codedeploy_alarms: unhealthy is made of alarms; name those that the new code would set off first."
  }
}

variable "codedeploy_hooks" {
  description = <<-EOT
    Functions of yours that CodeDeploy calls during a deployment, by function of this stack; null for none of the kind.
    They report their result (codedeploy:PutLifecycleEventHookExecutionStatus) within an hour.

    `before_allow_traffic_arn`: ARN of the one that tries the newest version before it gets any call.
    `after_allow_traffic_arn`: ARN of the one that looks after it has all of them.
  EOT
  type = map(object({
    before_allow_traffic_arn = string
    after_allow_traffic_arn  = string
  }))
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.codedeploy_hooks), keys(var.codedeploy_configurations))) == 0
    error_message = "codedeploy_hooks: a key is one of codedeploy_configurations."
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
