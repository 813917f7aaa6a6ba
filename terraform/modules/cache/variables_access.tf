################################################################################
# Access
################################################################################

variable "authentication" {
  description = "iam: users who show what their role signed, and no secret anywhere. auth_token: one token for all, which the provider keeps in the state"
  type        = string
  default     = "iam"
  nullable    = false

  validation {
    condition     = contains(["iam", "auth_token"], var.authentication)
    error_message = "authentication: use iam or auth_token."
  }

  validation {
    condition     = var.authentication != "iam" || var.engine != "redis" || !can(regex("^6\\.", coalesce(var.engine_version, "7.1")))
    error_message = "authentication: Redis has users by IAM from 7.0 on; raise engine_version, use valkey, or set authentication to auth_token."
  }
}

variable "users" {
  description = <<-EOT
    Who may connect by IAM, and what for, by a name of your choice.

    `user_id`: id and name of the user, 1 to 40 lower-case letters, digits and hyphens.
    `keys`: patterns of keys, for example deals:*; with %R~ or %W~ before it, for reading or writing alone.
    `channels`: patterns of channels.
    `commands`: commands, or subcommands as command|subcommand.
  EOT
  type = map(object({
    user_id  = string
    keys     = optional(list(string), [])
    channels = optional(list(string), [])
    commands = list(string)
  }))
  default = {}

  validation {
    condition     = (var.authentication == "iam") == (length(var.users) > 0)
    error_message = "users: they go with authentication by iam, which needs at least one; name them, or set authentication to auth_token and leave them out."
  }

  validation {
    condition     = alltrue([for user in values(var.users) : can(regex("^[a-z][a-z0-9-]{0,39}$", user.user_id)) && !strcontains(user.user_id, "--") && !endswith(user.user_id, "-") && user.user_id != "default"])
    error_message = "users: user_id is 1 to 40 lower-case letters, digits and single hyphens, beginning with a letter and not ending in a hyphen, and not default; shorten or correct it."
  }

  validation {
    condition     = length(distinct(values(var.users)[*].user_id)) == length(var.users)
    error_message = "users: two users share a user_id; give each its own."
  }

  validation {
    condition     = alltrue(flatten([for user in values(var.users) : [for command in user.commands : can(regex("^[a-z-]+(\\|[a-z-]+)?$", command))]]))
    error_message = "users: name commands one by one, in lower case, without + or @; a category allows what nobody thought of."
  }

  validation {
    condition     = alltrue(flatten([for user in values(var.users) : [for pattern in concat(user.keys, user.channels) : can(regex("^(%R~|%W~)?[^\\s~&%*]+[^\\s~&%]*$", pattern))]]))
    error_message = "users: a pattern of keys or channels begins with a name, for example deals:*, so that nobody sees everything; write it without ~ or & before it."
  }
}

variable "auth_token" {
  description = <<-EOT
    The AUTH token, 16 to 128 characters, where `authentication` is auth_token; make one with: openssl rand -hex 32

    The provider has no write-only argument for it, so plan and state hold it: encrypt both, or stay with iam.
  EOT
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = (var.authentication == "auth_token") == (var.auth_token != null)
    error_message = "auth_token: it goes with authentication by auth_token; set both, or neither to have users by IAM."
  }

  validation {
    condition     = var.auth_token == null || can(regex("^[A-Za-z0-9!&#$^<>-]{16,128}$", var.auth_token))
    error_message = "auth_token: ElastiCache takes 16 to 128 letters, digits and !&#$^<>-; make one with: openssl rand -hex 32"
  }
}

variable "auth_token_update_strategy" {
  description = "What a new `auth_token` does: ROTATE also accepts the previous one, SET no longer does"
  type        = string
  default     = "ROTATE"
  nullable    = false

  validation {
    condition     = contains(["ROTATE", "SET"], var.auth_token_update_strategy)
    error_message = "auth_token_update_strategy: use ROTATE, and SET when every client has the new token; without a token anybody in the VPC could connect."
  }
}

variable "auth_token_recovery_window_days" {
  description = "Days for which the deleted secret of the AUTH token can be restored and its name cannot be reused: 7 to 30, or 0 for none"
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.auth_token_recovery_window_days == 0 || (var.auth_token_recovery_window_days >= 7 && var.auth_token_recovery_window_days <= 30)
    error_message = "auth_token_recovery_window_days: Secrets Manager takes 0, or 7 to 30."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key of the nodes' disks, the secret and the log, whose policy must let CloudWatch Logs use it where there is a log; null for AWS's own keys"
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+", var.kms_key_arn))
    error_message = "kms_key_arn: give the ARN of the key itself (…:key/…), not an alias."
  }
}
