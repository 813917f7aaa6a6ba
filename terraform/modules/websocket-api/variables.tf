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
  default     = "WebSocket API"
}

variable "stage_name" {
  description = "Name of the stage, the last part of the WebSocket URL"
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,128}$", var.stage_name))
    error_message = "stage_name: it stands in URLs; use up to 128 letters, digits, hyphens and underscores ($default is for HTTP APIs)."
  }
}

################################################################################
# Routes
################################################################################

variable "routes" {
  description = <<-EOT
    The routes by route key: `$connect`, `$disconnect`, `$default`, or the value of the frame's `action`.

    `function`: name, qualifier (alias or version; null for the latest code) and invoke ARN of the function that
    answers. Routes to the same function share one integration. Null: API Gateway takes the frame itself, no function
    runs and nothing goes back; the frame only keeps the connection open.
    `route_response`: whether what the function returns goes back to the client. Default: true, but for
    `$connect` and `$disconnect`, where API Gateway has no route responses, and for routes without a function.
    `throttling`: requests a second and burst of this route alone; null for `default_throttling`.
  EOT
  type = map(object({
    function = optional(object({
      name       = string
      qualifier  = optional(string)
      invoke_arn = string
    }))
    route_response = optional(bool)
    throttling = optional(object({
      rate_limit  = number
      burst_limit = number
    }))
  }))

  validation {
    condition     = contains(keys(var.routes), "$connect")
    error_message = "routes: there is no $connect, where the authorizer sits; without it anybody may connect. Add it."
  }

  validation {
    condition     = alltrue([for key in keys(var.routes) : can(regex("^(\\$(connect|disconnect|default)|[a-zA-Z][a-zA-Z0-9_-]{0,127})$", key))])
    error_message = "routes: a key is $connect, $disconnect, $default or an action: a letter, then up to 127 letters, digits, hyphens and underscores."
  }

  validation {
    condition     = length(var.routes) <= 300
    error_message = "routes: an API has at most 300 routes; let $default take some of the actions."
  }

  validation {
    condition     = alltrue([for key, route in var.routes : !contains(["$connect", "$disconnect"], key) || !coalesce(route.route_response, false)])
    error_message = "routes: API Gateway has no route response on $connect and $disconnect; leave route_response out there."
  }

  validation {
    condition     = alltrue([for key, route in var.routes : route.function != null || !startswith(key, "$")])
    error_message = "routes: $connect, $disconnect and $default need a function; only an action may go without one."
  }

  validation {
    condition     = alltrue([for route in values(var.routes) : route.function != null || !coalesce(route.route_response, false)])
    error_message = "routes: a route without a function has nothing to send back, and a route response would still send an empty frame, which is billed; leave route_response out there."
  }

  validation {
    condition     = alltrue([for route in values(var.routes) : try(route.throttling.rate_limit > 0 && route.throttling.burst_limit >= 1, route.throttling == null)])
    error_message = "routes: throttling needs a rate_limit above 0 and a burst_limit of at least 1; 0 answers every request with 429."
  }

  validation {
    condition     = length(distinct([for route in values(var.routes) : route.function if route.function != null])) == length(distinct([for route in values(var.routes) : route.function.name if route.function != null]))
    error_message = "routes: routes to one function share an integration, so they must give the same qualifier and invoke_arn."
  }
}

variable "authorizer" {
  description = "Name, qualifier and invoke ARN of the function that decides who may connect"
  type = object({
    name       = string
    qualifier  = optional(string)
    invoke_arn = string
  })
}

variable "integration_timeout_milliseconds" {
  description = "How long API Gateway waits for a route's function"
  type        = number
  default     = 29000

  validation {
    condition     = var.integration_timeout_milliseconds >= 50 && var.integration_timeout_milliseconds <= 29000
    error_message = "integration_timeout_milliseconds: a WebSocket API waits 50 to 29000 ms, and the upper limit cannot be raised."
  }
}

################################################################################
# Throttling
################################################################################

variable "default_throttling" {
  description = <<-EOT
    Requests a second and burst of each route that has no throttling of its own.

    All APIs of the account and Region, and PostToConnection too, share 10,000 requests a second (burst 5,000;
    2,500 and 1,250 in newer Regions): what the routes may take is not there for pushes.
  EOT
  type = object({
    rate_limit  = number
    burst_limit = number
  })
  default = {
    rate_limit  = 1000
    burst_limit = 500
  }

  validation {
    condition     = var.default_throttling.rate_limit > 0 && var.default_throttling.burst_limit >= 1
    error_message = "default_throttling: it needs a rate_limit above 0 and a burst_limit of at least 1; 0 answers every connect with 429."
  }
}

################################################################################
# Logs and metrics
################################################################################

variable "access_log_enabled" {
  description = "Whether each connect, message and disconnect is logged. API Gateway refuses it in an account and Region without a logging role: see `manage_account_logging_role`"
  type        = bool
  default     = false
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

variable "execution_logging_level" {
  description = "OFF, ERROR or INFO. INFO traces request parameters, a token in the query string among them: use it only while looking for a fault"
  type        = string
  default     = "OFF"

  validation {
    condition     = contains(["OFF", "ERROR", "INFO"], var.execution_logging_level)
    error_message = "execution_logging_level: API Gateway knows OFF, ERROR and INFO."
  }
}

variable "detailed_metrics_enabled" {
  description = "Whether CloudWatch gets the metrics of each route as well (charged by metric)"
  type        = bool
  default     = false
}

variable "manage_account_logging_role" {
  description = <<-EOT
    Whether to set the role by which API Gateway writes logs, once per account and Region.

    API Gateway refuses a stage with logs without one. It belongs to the account, not to this API: every
    other API of the Region uses it too, so set it in one place only.
  EOT
  type        = bool
  default     = false
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that bounds the role of `manage_account_logging_role`, where the organisation asks for one"
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of every resource that takes them"
  type        = map(string)
  default     = {}
}
