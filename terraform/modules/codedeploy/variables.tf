variable "name" {
  description = "Name of the application, and the beginning of its role's name"
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9-]{0,63}$", var.name))
    error_message = "name: 1 to 64 letters, digits and hyphens."
  }
}

variable "functions" {
  description = <<-EOT
    The functions whose alias CodeDeploy moves, by a short name of your choice, which names the deployment group. Their
    aliases must be left alone by Terraform: `alias_moved_by_codedeploy` of the function module.

    `name`, `arn`, `alias`: the function, and the alias that callers use.
    `alias_version`, `newest_version`: the version that the alias points to, and the one that was published last.
    `configuration`: how the calls are shifted: CodeDeployDefault.LambdaCanary10Percent5Minutes, another of AWS's, or your own.
    `alarm_names`: CloudWatch alarms that stop a deployment and take the alias back; at most 10.
  EOT
  type = map(object({
    name           = string
    arn            = string
    alias          = string
    alias_version  = string
    newest_version = string
    configuration  = string
    alarm_names    = list(string)
  }))

  validation {
    condition     = length(var.functions) > 0
    error_message = "functions: name at least one, or leave the module out."
  }

  validation {
    condition     = alltrue([for function in values(var.functions) : length(function.alarm_names) <= 10])
    error_message = "functions: CodeDeploy watches at most 10 alarms of a deployment group; choose those that the new code would set off first."
  }

  validation {
    condition     = alltrue([for function in values(var.functions) : can(regex("^(CodeDeployDefault\\.Lambda|[^.]+$)", function.configuration))])
    error_message = "functions: configuration is one of AWS's for Lambda (CodeDeployDefault.Lambda…), or the name of your own."
  }
}

variable "hooks" {
  description = <<-EOT
    Functions that CodeDeploy calls during a deployment, by the same short names; null for none of the kind. A hook must
    report its result within an hour (codedeploy:PutLifecycleEventHookExecutionStatus, a right of its own role), or the
    deployment fails and is taken back.

    `before_allow_traffic_arn`: ARN of the function that tries the newest version before it gets any call.
    `after_allow_traffic_arn`: ARN of the one that looks after it has all of them.
  EOT
  type = map(object({
    before_allow_traffic_arn = string
    after_allow_traffic_arn  = string
  }))
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.hooks), keys(var.functions))) == 0
    error_message = "hooks: each key is one of `functions`: ${join(", ", keys(var.functions))}."
  }
}

variable "role_path" {
  description = "IAM path of the role, where the organisation asks for one: /team/"
  type        = string
  default     = "/"
}

variable "permissions_boundary_arn" {
  description = "ARN of a permissions boundary for the role, where the organisation asks for one; null for none"
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all resources"
  type        = map(string)
  default     = {}
}
