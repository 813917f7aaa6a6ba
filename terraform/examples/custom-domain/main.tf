provider "aws" {}

variable "packages_manifest" {
  description = "Path of the manifest.json of the built packages"
  type        = string
  default     = "../../../dist/manifest.json"
}

variable "jwt_secret" {
  description = "The secret that signs the tokens, at least 32 bytes; set TF_VAR_jwt_secret"
  type        = string
  sensitive   = true
  ephemeral   = true # so that neither plan nor state holds it
}

variable "domain_name" {
  description = "Name that clients connect to, such as live.example.com"
  type        = string
}

variable "zone_id" {
  description = "Id of the Route 53 zone that holds the name"
  type        = string
}

variable "default_endpoint_enabled" {
  description = "Whether the API also answers at its own address: true until clients have moved to the name"
  type        = bool
  default     = true
}

################################################################################
# Certificate, proven by a record in the zone
################################################################################

resource "aws_acm_certificate" "this" {
  domain_name       = var.domain_name
  validation_method = "DNS"

  # One that a domain still uses cannot be deleted.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  zone_id = var.zone_id
  name    = one(aws_acm_certificate.this.domain_validation_options[*].resource_record_name)
  type    = one(aws_acm_certificate.this.domain_validation_options[*].resource_record_type)
  records = aws_acm_certificate.this.domain_validation_options[*].resource_record_value
  ttl     = 300
}

resource "aws_acm_certificate_validation" "this" {
  certificate_arn         = aws_acm_certificate.this.arn
  validation_record_fqdns = [aws_route53_record.validation.fqdn]
}

################################################################################
# Service
################################################################################

module "deals_websocket" {
  source = "../../stacks/deals-websocket"

  environment        = "domain"
  packages_manifest  = var.packages_manifest
  jwt_secret         = var.jwt_secret
  access_log_enabled = false

  custom_domain = {
    name            = var.domain_name
    certificate_arn = aws_acm_certificate_validation.this.certificate_arn
  }
  custom_domain_zone       = { id = var.zone_id }
  default_endpoint_enabled = var.default_endpoint_enabled
}

output "websocket_url" {
  description = "WebSocket URL that clients connect to"
  value       = module.deals_websocket.websocket_url
}

output "management_endpoint" {
  description = "Where the functions post"
  value       = module.deals_websocket.management_endpoint
}
