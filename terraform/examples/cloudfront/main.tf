provider "aws" {}

# CloudFront's web ACLs and certificates are in this Region, wherever the API is.
provider "aws" {
  alias  = "global"
  region = "us-east-1"
}

################################################################################
# Service
################################################################################

module "deals_websocket" {
  source = "../../stacks/deals-websocket"

  environment        = "cloudfront"
  packages_manifest  = var.packages_manifest
  jwt_secret         = var.jwt_secret
  access_log_enabled = false
}

locals {
  # wss://HOST/STAGE
  api_host = split("/", module.deals_websocket.websocket_url)[2]
  api_path = "/${split("/", module.deals_websocket.websocket_url)[3]}"
}

################################################################################
# Web ACL: it sees handshakes, and no frame
################################################################################

resource "aws_wafv2_web_acl" "this" {
  #checkov:skip=CKV2_AWS_31:Its metrics and samples are on; a log of every handshake is the reader's choice.
  #checkov:skip=CKV_AWS_192:No Java runs behind it.
  provider = aws.global

  name        = "deals-cloudfront"
  description = "Who may open connections, and how often"
  scope       = "CLOUDFRONT"

  default_action {
    allow {}
  }

  rule {
    name     = "handshakes-by-address"
    priority = 1

    action {
      block {}
    }

    statement {
      rate_based_statement {
        limit                 = var.handshakes_max
        evaluation_window_sec = 300
        aggregate_key_type    = "IP"
      }
    }

    visibility_config {
      metric_name                = "handshakes-by-address"
      cloudwatch_metrics_enabled = true
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "addresses-of-bad-repute"
    priority = 2

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesAmazonIpReputationList"
      }
    }

    visibility_config {
      metric_name                = "addresses-of-bad-repute"
      cloudwatch_metrics_enabled = true
      sampled_requests_enabled   = true
    }
  }

  visibility_config {
    metric_name                = "deals-cloudfront"
    cloudwatch_metrics_enabled = true
    sampled_requests_enabled   = true
  }
}

################################################################################
# Distribution
################################################################################

# AWS's own policies have the same ids in every account: docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/
# using-managed-cache-policies.html and using-managed-origin-request-policies.html
locals {
  caching_disabled = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"

  # Sec-WebSocket-* must arrive, and with them the token; the Host must be the API's own, or it answers 403.
  all_viewer_except_host_header = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
}

resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_86:Handshakes may carry the token in the query string, which the log would keep.
  #checkov:skip=CKV_AWS_305:There is no page to show at the root: it is where connections open.
  #checkov:skip=CKV_AWS_310:There is one API; a second Region is an address of its own (docs/adr/0026).
  #checkov:skip=CKV_AWS_374:Where clients may be is the reader's to say.
  #checkov:skip=CKV2_AWS_32:Response headers are for pages; a handshake is none.
  #checkov:skip=CKV2_AWS_47:No Java runs behind it.
  comment         = "WebSocket connections of deals-cloudfront"
  enabled         = true
  is_ipv6_enabled = true
  aliases         = [var.domain_name]
  price_class     = "PriceClass_100"
  web_acl_id      = aws_wafv2_web_acl.this.arn

  origin {
    origin_id   = "api"
    domain_name = local.api_host
    origin_path = local.api_path

    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
    }
  }

  default_cache_behavior {
    target_origin_id         = "api"
    viewer_protocol_policy   = "https-only"
    allowed_methods          = ["GET", "HEAD"]
    cached_methods           = ["GET", "HEAD"]
    cache_policy_id          = local.caching_disabled
    origin_request_policy_id = local.all_viewer_except_host_header
  }

  viewer_certificate {
    acm_certificate_arn      = var.certificate_arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }
}

################################################################################
# Outputs
################################################################################

output "websocket_url" {
  description = "WebSocket URL that clients connect to"
  value       = "wss://${var.domain_name}"
}

output "distribution_domain_name" {
  description = "What the DNS record of `domain_name` names"
  value       = aws_cloudfront_distribution.this.domain_name
}
