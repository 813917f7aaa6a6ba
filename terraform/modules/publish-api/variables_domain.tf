################################################################################
# Custom domain
################################################################################

variable "custom_domain" {
  description = <<-EOT
    The API's own domain name; null for none. Publishers POST to https://NAME/events, or https://NAME/PATH/events with
    `custom_domain_path`. A domain of a WebSocket API can have no HTTP API besides.

    `name`: the domain name, such as publish.example.com.
    `certificate_arn`: ARN of its ACM certificate, in the API's Region. It may be made in the same configuration.
  EOT
  type = object({
    name            = string
    certificate_arn = string
  })
  default = null

  validation {
    condition     = var.custom_domain == null || can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.custom_domain.name))
    error_message = "custom_domain: name is a domain name in lower case, such as publish.example.com, without https:// and path."
  }

  validation {
    condition     = var.custom_domain == null || can(regex("^arn:[^:]+:acm:[^:]+:[0-9]{12}:certificate/.+", var.custom_domain.certificate_arn))
    error_message = "custom_domain: certificate_arn is the ARN of an ACM certificate, in the Region of the API."
  }
}

variable "custom_domain_path" {
  description = "Path of the API below its domain name, where several APIs share one; null for none. It stands in for the stage's name in the URL"
  type        = string
  default     = null

  validation {
    condition     = var.custom_domain_path == null || can(regex("^[a-zA-Z0-9$_.+!*'()-]{1,300}$", var.custom_domain_path))
    error_message = "custom_domain_path: one part of a path, letters, digits and $-_.+!*'(), without slashes."
  }

  validation {
    condition     = var.custom_domain_path == null || var.custom_domain != null
    error_message = "custom_domain_path: there is no domain for it; set custom_domain too, or leave it out."
  }
}

variable "custom_domain_zone" {
  description = "Route 53 zone that gets the domain's record, by its `id`, which may be made in the same configuration; null where DNS is elsewhere: point it to `custom_domain_target`"
  type        = object({ id = string })
  default     = null

  validation {
    condition     = var.custom_domain_zone == null || var.custom_domain != null
    error_message = "custom_domain_zone: there is no domain to point to; set custom_domain too, or leave it out."
  }
}

variable "default_endpoint_enabled" {
  description = "Whether the API also answers at API-ID.execute-api.REGION.amazonaws.com; null for only where there is no custom domain. Set it while publishers move to a new domain"
  type        = bool
  default     = null

  validation {
    condition     = coalesce(var.default_endpoint_enabled, true) || var.custom_domain != null
    error_message = "default_endpoint_enabled: without it the API has no address; set custom_domain, or leave it out."
  }
}
