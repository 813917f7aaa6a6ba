################################################################################
# API
################################################################################

variable "name" {
  description = "Name of the API; also the stem of its log group's name"
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9._-]{1,128}$", var.name))
    error_message = "name: API Gateway takes up to 128 characters, and a log group letters, digits, dots, hyphens and underscores; shorten or correct the name."
  }
}

variable "description" {
  description = "What the API is for, as the console shows it"
  type        = string
  default     = "Takes events from publishers"
}

variable "stage_name" {
  description = "Name of the stage, the first part of the path on the default endpoint"
  type        = string
  default     = "v1"

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,128}$", var.stage_name))
    error_message = "stage_name: it stands in URLs and ARNs; use up to 128 letters, digits, hyphens and underscores."
  }
}

variable "function" {
  description = "Name, qualifier and invoke ARN of the function that publishes: `broadcast`, by its alias"
  type = object({
    name       = string
    qualifier  = optional(string)
    invoke_arn = string
  })
}

################################################################################
# Authorization
################################################################################

variable "authorization" {
  description = "How publishers prove who they are: IAM (a request signed by Signature Version 4; `execute-api:Invoke` on `route_arn` may publish everything), or JWT (a token with the scope for publishing; its claim `topics` says to what, and `recipients` to whom)"
  type        = string

  validation {
    condition     = contains(["IAM", "JWT"], var.authorization)
    error_message = "authorization: use IAM or JWT; an API without either would let anybody publish."
  }
}

variable "authorizer" {
  description = "With JWT, name, qualifier and invoke ARN of the function that verifies tokens; null with IAM"
  type = object({
    name       = string
    qualifier  = optional(string)
    invoke_arn = string
  })
  default = null

  validation {
    condition     = (var.authorizer != null) == (var.authorization == "JWT")
    error_message = "authorizer: JWT needs the function that verifies tokens, and with IAM there is none to call; set it with authorization = \"JWT\" alone."
  }
}

variable "authorizer_cache_seconds" {
  description = "With JWT, how long API Gateway remembers what the authorizer said of a token, 0 for not at all: as long, a token that was revoked, or whose user is blocked, may still publish, and as long a new request costs neither an invocation nor a read. A token's end holds at once"
  type        = number
  default     = 60

  validation {
    condition     = var.authorizer_cache_seconds >= 0 && var.authorizer_cache_seconds <= 3600 && floor(var.authorizer_cache_seconds) == var.authorizer_cache_seconds
    error_message = "authorizer_cache_seconds: API Gateway takes a whole number from 0 to 3600."
  }
}

################################################################################
# Throttling
################################################################################

variable "throttling" {
  description = <<-EOT
    Requests a second and burst of all publishers together; more are answered 429. A request may carry a hundred events.

    All APIs of the account and Region, and PostToConnection too, share 10,000 requests a second (burst 5,000; 2,500 and
    1,250 in newer Regions): what publishers may take is not there for pushes.
  EOT
  type = object({
    rate_limit  = number
    burst_limit = number
  })
  default = {
    rate_limit  = 100
    burst_limit = 200
  }

  validation {
    condition     = var.throttling.rate_limit > 0 && var.throttling.burst_limit >= 1
    error_message = "throttling: it needs a rate_limit above 0 and a burst_limit of at least 1; 0 answers every request with 429."
  }
}

################################################################################
# Logs
################################################################################

variable "access_log_enabled" {
  description = "Whether each request is logged, without headers and body. It needs no logging role of the account, unlike a WebSocket API, but who applies it needs logs:CreateLogDelivery and its like"
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "Days that CloudWatch keeps the access log"
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days: CloudWatch Logs takes 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "log_kms_key_arn" {
  description = "ARN of the KMS key of the access log, whose policy must let CloudWatch Logs use it; null for the key that AWS owns"
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of every resource that takes them"
  type        = map(string)
  default     = {}
}
