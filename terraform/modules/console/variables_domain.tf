################################################################################
# Custom domain
################################################################################

variable "custom_domain" {
  description = <<-EOT
    The page's own domain name, with TLS 1.2 or newer; null for CloudFront's, which also speaks older ones.

    `name`: the domain name, such as console.example.com.
    `certificate_arn`: ARN of its ACM certificate, which CloudFront reads in us-east-1. It may be made in the same configuration.
  EOT
  type = object({
    name            = string
    certificate_arn = string
  })
  default = null

  validation {
    condition     = var.custom_domain == null || can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.custom_domain.name))
    error_message = "custom_domain: name is a domain name in lower case, such as console.example.com, without https:// and path."
  }

  validation {
    condition     = var.custom_domain == null || can(regex("^arn:[^:]+:acm:us-east-1:[0-9]{12}:certificate/.+", var.custom_domain.certificate_arn))
    error_message = "custom_domain: certificate_arn is the ARN of an ACM certificate in us-east-1, wherever the service is: CloudFront takes no other."
  }
}

variable "custom_domain_zone" {
  description = "Route 53 zone that gets the domain's records, by its `id`, which may be made in the same configuration; null where DNS is elsewhere: point it to `distribution_domain_name`"
  type        = object({ id = string })
  default     = null

  validation {
    condition     = var.custom_domain_zone == null || var.custom_domain != null
    error_message = "custom_domain_zone: there is no domain to point to; set custom_domain too, or leave it out."
  }
}
