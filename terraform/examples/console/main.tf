provider "aws" {}

# CloudFront reads certificates in this Region, wherever the rest is.
provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"
}

variable "websocket_url" {
  description = "URL that clients of the service connect to: the output `websocket_url` of its stack"
  type        = string
}

variable "folder" {
  description = "Folder of the built page"
  type        = string
  default     = "../../../clients/console/dist"
}

variable "domain_name" {
  description = "Name of the page, such as console.example.com"
  type        = string
}

variable "zone_id" {
  description = "Id of the Route 53 zone that holds the name"
  type        = string
}

################################################################################
# Certificate, proven by a record in the zone
################################################################################

resource "aws_acm_certificate" "this" {
  provider = aws.us_east_1

  domain_name       = var.domain_name
  validation_method = "DNS"

  # One that a distribution still uses cannot be deleted.
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
  provider = aws.us_east_1

  certificate_arn         = aws_acm_certificate.this.arn
  validation_record_fqdns = [aws_route53_record.validation.fqdn]
}

################################################################################
# Page
################################################################################

module "console" {
  source = "../../modules/console"

  name          = "deals-example"
  websocket_url = var.websocket_url
  folder        = var.folder

  custom_domain = {
    name            = var.domain_name
    certificate_arn = aws_acm_certificate_validation.this.certificate_arn
  }
  custom_domain_zone = { id = var.zone_id }
}

output "url" {
  description = "URL of the page"
  value       = module.console.url
}
