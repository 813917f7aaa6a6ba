################################################################################
# Function
################################################################################

variable "name" {
  description = "Name of the function; also the stem of its role's and log group's names"
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9-_]{1,64}$", var.name))
    error_message = "name: Lambda takes 1 to 64 letters, digits, hyphens and underscores; shorten or correct the name."
  }
}

variable "description" {
  description = "What the function is for, as the console shows it"
  type        = string

  validation {
    condition     = length(var.description) <= 256
    error_message = "description: Lambda takes at most 256 characters; say it shorter."
  }
}

variable "package" {
  description = <<-EOT
    The deployment package (zip), from exactly one place.

    `path`: local path of the zip.
    `s3_bucket`, `s3_key`, `s3_object_version`: bucket, key and (in a versioned bucket) version of the zip.
    `sha256`: hex SHA-256 of the zip. A local zip is checked against it; an S3 zip whose key stays the same is
    deployed again when it changes.
  EOT
  type = object({
    path              = optional(string)
    s3_bucket         = optional(string)
    s3_key            = optional(string)
    s3_object_version = optional(string)
    sha256            = optional(string)
  })

  validation {
    condition     = (var.package.path != null) != (var.package.s3_bucket != null || var.package.s3_key != null || var.package.s3_object_version != null)
    error_message = "package: set either path, or s3_bucket and s3_key, not both and not neither."
  }

  validation {
    condition     = (var.package.s3_bucket != null) == (var.package.s3_key != null)
    error_message = "package: s3_bucket and s3_key go together; set both."
  }

  validation {
    condition     = var.package.s3_object_version == null || var.package.s3_key != null
    error_message = "package: s3_object_version needs s3_bucket and s3_key; set them, or leave the version out."
  }

  validation {
    condition     = try(fileexists(var.package.path), false) || var.package.path == null
    error_message = "package: there is no zip at path ${coalesce(var.package.path, "(null)")}; build the packages first."
  }

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.package.sha256)) || var.package.sha256 == null
    error_message = "package: sha256 is 64 lower-case hexadecimal digits, as sha256sum prints them."
  }

  validation {
    condition     = try(filesha256(var.package.path) == var.package.sha256, true) || var.package.sha256 == null
    error_message = "package: the zip at path ${coalesce(var.package.path, "(null)")} does not have the given sha256; it was changed after it was built, so build the packages again."
  }
}

variable "handler" {
  description = "Entry point in the package: MODULE.FUNCTION"
  type        = string

  validation {
    condition     = can(regex("^[\\w/]+(\\.\\w+)+$", var.handler))
    error_message = "handler: give it as MODULE.FUNCTION, for example message_router.handler.handler."
  }
}

variable "runtime" {
  description = "Identifier of the Lambda runtime. Provider 5.100 does not know python3.14 yet"
  type        = string
  default     = "python3.13"
}

variable "architecture" {
  description = "Instruction set: arm64 (cheaper by a fifth) or x86_64"
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture: Lambda knows arm64 and x86_64."
  }
}

variable "memory_mb" {
  description = "Memory in MB. The CPU share grows with it: one whole vCPU at 1,769 MB"
  type        = number
  default     = 512

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240 && floor(var.memory_mb) == var.memory_mb
    error_message = "memory_mb: Lambda takes whole numbers from 128 to 10240."
  }
}

variable "timeout_seconds" {
  description = "Seconds that one invocation may take"
  type        = number
  default     = 10

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 900 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "timeout_seconds: Lambda takes whole numbers from 1 to 900."
  }
}

variable "reserved_concurrency" {
  description = "Concurrent executions reserved for, and the most allowed to, this function; null uses the account's pool"
  type        = number
  default     = null

  validation {
    condition     = var.reserved_concurrency == null || try(var.reserved_concurrency >= 0 && floor(var.reserved_concurrency) == var.reserved_concurrency, false)
    error_message = "reserved_concurrency: give a whole number (0 stops the function), or null for no reservation."
  }
}

variable "environment" {
  description = "Environment variables. Not for secrets: anyone who may read the function's configuration reads them"
  type        = map(string)
  default     = {}

  validation {
    condition     = length(jsonencode(var.environment)) <= 4096
    error_message = "environment: Lambda takes at most 4 KB of variables in all; move long values to a parameter or a table."
  }

  validation {
    condition     = alltrue([for key in keys(var.environment) : !startswith(key, "AWS_") && !startswith(key, "_")])
    error_message = "environment: names beginning with AWS_ or _ belong to Lambda; rename the variable."
  }
}

################################################################################
# Permissions
################################################################################

variable "policy_statements" {
  description = <<-EOT
    What the function may do beyond writing its own logs, by statement id (letters and digits).

    `actions`: names of actions, each in full.
    `resources`: ARNs of what they act on.
    `conditions`: IAM conditions, all of which must hold.

    What the queue of `sqs_trigger` and the destination of `async_invocation` need is added by the module.
  EOT
  type = map(object({
    actions   = list(string)
    resources = list(string)
    conditions = optional(list(object({
      test     = string
      variable = string
      values   = list(string)
    })), [])
  }))
  default = {}

  validation {
    condition     = alltrue([for sid in keys(var.policy_statements) : can(regex("^[a-zA-Z0-9]+$", sid))])
    error_message = "policy_statements: IAM takes only letters and digits in a statement id; rename the key."
  }

  validation {
    condition     = alltrue(flatten([for statement in values(var.policy_statements) : [for action in statement.actions : can(regex("^[a-z0-9-]+:[A-Za-z0-9]+$", action))]]))
    error_message = "policy_statements: an action is SERVICE:NAME in full, without wildcards; list the actions that the code calls."
  }

  validation {
    condition     = alltrue(flatten([for statement in values(var.policy_statements) : [for resource in statement.resources : startswith(resource, "arn:")]]))
    error_message = "policy_statements: a resource is an ARN, never \"*\"; name what the function works on."
  }

  validation {
    condition     = alltrue([for statement in values(var.policy_statements) : length(statement.actions) > 0 && length(statement.resources) > 0])
    error_message = "policy_statements: a statement needs at least one action and one resource; remove the empty one."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that bounds the role, where the organisation asks for one"
  type        = string
  default     = null
}

################################################################################
# Network
################################################################################

variable "vpc_config" {
  description = <<-EOT
    The VPC that the function runs in, by IPv4; null for none. There it reaches AWS by endpoints or a NAT gateway only.

    `subnet_ids`: private subnets, in two Availability Zones or more.
    `security_group_ids`: security groups of its network interfaces.
  EOT
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = try(length(var.vpc_config.subnet_ids) > 0 && length(var.vpc_config.security_group_ids) > 0, var.vpc_config == null)
    error_message = "vpc_config: Lambda needs at least one of subnet_ids and one of security_group_ids; give them, or leave vpc_config out."
  }
}

variable "vpc_rights_retained" {
  description = "Whether the role keeps the rights for network interfaces without `vpc_config`: Lambda needs them until no published version has one"
  type        = bool
  default     = false
}

################################################################################
# Logs
################################################################################

variable "log_retention_days" {
  description = "Days that CloudWatch keeps the logs"
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days: CloudWatch Logs takes 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "log_kms_key_arn" {
  description = "ARN of the KMS key of the logs, whose policy must let CloudWatch Logs use it; null for the key that AWS owns"
  type        = string
  default     = null
}

variable "system_log_level" {
  description = "Which lines Lambda writes about invocations beside those of the code: WARN for those that failed or timed out, INFO for the start and the report of each (duration, memory, INIT), DEBUG for all"
  type        = string
  default     = "WARN"

  validation {
    condition     = contains(["DEBUG", "INFO", "WARN"], var.system_log_level)
    error_message = "system_log_level: Lambda knows DEBUG, INFO and WARN."
  }
}

variable "tracing_mode" {
  description = "Active to have Lambda sample and trace invocations in X-Ray; PassThrough to trace only what was sampled before it, within the role's other permissions"
  type        = string
  default     = "PassThrough"

  validation {
    condition     = contains(["PassThrough", "Active"], var.tracing_mode)
    error_message = "tracing_mode: Lambda knows PassThrough and Active."
  }
}

variable "tags" {
  description = "Tags of every resource"
  type        = map(string)
  default     = {}
}
