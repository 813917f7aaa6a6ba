################################################################################
# Publish API
################################################################################

variable "publish_api_enabled" {
  description = "Whether backends can publish over HTTP: an HTTP API with POST /events, for those that are not in AWS"
  type        = bool
  default     = false
  nullable    = false
}

variable "publish_api_authorization" {
  description = "How publishers prove to the publish API who they are: IAM (signed requests; `publisher_policies.http` may publish everything), or JWT (tokens as for clients, with the scope `publish_api_scope`; their `topics` says to what they may publish)"
  type        = string
  default     = "IAM"
  nullable    = false

  validation {
    condition     = contains(["IAM", "JWT"], var.publish_api_authorization)
    error_message = "publish_api_authorization: use IAM or JWT; an API without either would let anybody publish."
  }
}

variable "publish_api_scope" {
  description = "The word that the scope of a publisher's token must contain; null for publish. Cognito names one after its resource server"
  type        = string
  default     = null

  validation {
    condition     = var.publish_api_scope == null || can(regex("^[!-~]{1,256}$", var.publish_api_scope))
    error_message = "publish_api_scope: it is one word of 1 to 256 visible ASCII characters."
  }

  validation {
    condition     = coalesce(var.publish_api_scope, "publish") != coalesce(var.jwt_scope, "websocket")
    error_message = "publish_api_scope: it is the scope of clients too, so each of them could publish; give publishers another one."
  }
}

variable "publish_api_authorizer_cache_seconds" {
  description = "How long the publish API remembers what the authorizer said of a token, 0 for not at all: as long, a token that was revoked, or whose user is blocked, may still publish"
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.publish_api_authorizer_cache_seconds >= 0 && var.publish_api_authorizer_cache_seconds <= 3600 && floor(var.publish_api_authorizer_cache_seconds) == var.publish_api_authorizer_cache_seconds
    error_message = "publish_api_authorizer_cache_seconds: API Gateway takes a whole number from 0 to 3600."
  }
}

variable "publish_api_throttling" {
  description = "Requests a second and burst of all publishers at the publish API together; more are answered 429. A request may carry a hundred events. They count against the account's 10,000 requests a second, as pushes do"
  type = object({
    rate_limit  = number
    burst_limit = number
  })
  default = {
    rate_limit  = 100
    burst_limit = 200
  }
  nullable = false

  validation {
    condition     = var.publish_api_throttling.rate_limit > 0 && var.publish_api_throttling.burst_limit >= 1
    error_message = "publish_api_throttling: it needs a rate_limit above 0 and a burst_limit of at least 1; 0 answers every request with 429."
  }
}

variable "publish_api_access_log_enabled" {
  description = "Whether each request of the publish API is logged, without headers and body. It needs no logging role of the account; who applies it needs logs:CreateLogDelivery and its like (modules/publish-api)"
  type        = bool
  default     = true
  nullable    = false
}

variable "publish_api_custom_domain" {
  description = "Domain name of the publish API, which is another one than that of the WebSocket API, and ARN of its ACM certificate in the API's Region; null for none. Publishers POST to https://NAME/events"
  type = object({
    name            = string
    certificate_arn = string
  })
  default = null

  validation {
    condition     = var.publish_api_custom_domain == null || can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.publish_api_custom_domain.name))
    error_message = "publish_api_custom_domain: name is a domain name in lower case, such as publish.example.com, without https:// and path."
  }

  validation {
    condition     = var.publish_api_custom_domain == null || can(regex("^arn:[^:]+:acm:[^:]+:[0-9]{12}:certificate/.+", var.publish_api_custom_domain.certificate_arn))
    error_message = "publish_api_custom_domain: certificate_arn is the ARN of an ACM certificate, in the Region of the API."
  }

  validation {
    condition     = try(var.publish_api_custom_domain.name != var.custom_domain.name, true)
    error_message = "publish_api_custom_domain: API Gateway does not serve an HTTP API and a WebSocket API under one name; give the publish API its own."
  }

  validation {
    condition     = var.publish_api_custom_domain == null || var.publish_api_enabled
    error_message = "publish_api_custom_domain: there is no publish API for it; set publish_api_enabled too, or leave it out."
  }
}

variable "publish_api_custom_domain_path" {
  description = "Path of the publish API below its domain name, where several APIs share one: https://NAME/PATH/events; null for none"
  type        = string
  default     = null

  validation {
    condition     = var.publish_api_custom_domain_path == null || can(regex("^[a-zA-Z0-9$_.+!*'()-]{1,300}$", var.publish_api_custom_domain_path))
    error_message = "publish_api_custom_domain_path: one part of a path, letters, digits and $-_.+!*'(), without slashes."
  }

  validation {
    condition     = var.publish_api_custom_domain_path == null || var.publish_api_custom_domain != null
    error_message = "publish_api_custom_domain_path: there is no domain for it; set publish_api_custom_domain too, or leave it out."
  }
}

variable "publish_api_custom_domain_zone" {
  description = "Route 53 zone that gets the record of the publish API's domain, by its `id`; null where DNS is elsewhere: point it to `publish_api_custom_domain_target`"
  type        = object({ id = string })
  default     = null

  validation {
    condition     = var.publish_api_custom_domain_zone == null || var.publish_api_custom_domain != null
    error_message = "publish_api_custom_domain_zone: there is no domain to point to; set publish_api_custom_domain too, or leave it out."
  }
}

variable "publish_api_default_endpoint_enabled" {
  description = "Whether the publish API also answers at API-ID.execute-api.REGION.amazonaws.com; null for only where it has no custom domain"
  type        = bool
  default     = null

  validation {
    condition     = coalesce(var.publish_api_default_endpoint_enabled, true) || var.publish_api_custom_domain != null
    error_message = "publish_api_default_endpoint_enabled: without it the publish API has no address; set publish_api_custom_domain, or leave it out."
  }
}
