locals {
  # The scheme and host that the page's sockets may go to, without path and stage.
  websocket_origin = regex("^wss://[^/]+", var.websocket_url)

  # That of the local cloud (local_cloud/gateway/static_files.py), but for the sockets, which go to another host here.
  policy = join("; ", [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self' ${local.websocket_origin}",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ])

  # AWS's own policy CachingOptimized: docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/
  # using-managed-cache-policies.html. It passes no cookie, no header and no query on, and obeys Cache-Control from a second on.
  cache_policy_id = "658327ea-f89d-4fab-a63d-7e88639e58f6"

  hsts_seconds = 63072000 # two years, the least of hstspreload.org
}

resource "aws_cloudfront_origin_access_control" "this" {
  name                              = aws_s3_bucket.this.id
  description                       = "Signs the distribution's requests to the console's bucket"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_response_headers_policy" "this" {
  #checkov:skip=CKV_AWS_259:HSTS is on for two years; a preload list takes whole domains, and theirs is not the page's to enter.
  name    = aws_s3_bucket.this.id
  comment = "The console's page may load its own files and open sockets to its one service"

  security_headers_config {
    content_security_policy {
      content_security_policy = local.policy
      override                = true
    }

    content_type_options {
      override = true
    }

    frame_options {
      frame_option = "DENY"
      override     = true
    }

    referrer_policy {
      referrer_policy = "no-referrer"
      override        = true
    }

    strict_transport_security {
      access_control_max_age_sec = local.hsts_seconds
      include_subdomains         = true
      override                   = true
    }
  }

  custom_headers_config {
    items {
      header   = "Cross-Origin-Opener-Policy"
      value    = "same-origin"
      override = true
    }
  }
}

resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_174:CloudFront's own name takes only its own setting; a name of yours (custom_domain) has TLS 1.2 and newer.
  #checkov:skip=CKV2_AWS_42:CloudFront's own name has CloudFront's certificate; custom_domain brings another.
  #checkov:skip=CKV_AWS_68:The page is static and public; web_acl_arn names a web ACL where there has to be one.
  #checkov:skip=CKV2_AWS_47:The page is static files of S3, which run nothing; web_acl_arn names a web ACL.
  #checkov:skip=CKV_AWS_86:The variable access_log turns them on: their bucket is another's, and costs.
  #checkov:skip=CKV_AWS_310:The page is one folder in one bucket; without it the service goes on.
  #checkov:skip=CKV_AWS_374:Who may use the service is decided by tokens, not by countries.
  enabled             = true
  comment             = "${var.name}: console"
  default_root_object = local.page
  http_version        = "http2and3"
  is_ipv6_enabled     = true
  price_class         = var.price_class
  aliases             = var.custom_domain == null ? [] : [var.custom_domain.name]
  web_acl_id          = var.web_acl_arn
  tags                = var.tags

  origin {
    origin_id                = "bucket"
    domain_name              = aws_s3_bucket.this.bucket_regional_domain_name
    origin_access_control_id = aws_cloudfront_origin_access_control.this.id
  }

  default_cache_behavior {
    target_origin_id           = "bucket"
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    cache_policy_id            = local.cache_policy_id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = var.custom_domain == null
    acm_certificate_arn            = try(var.custom_domain.certificate_arn, null)
    ssl_support_method             = var.custom_domain == null ? null : "sni-only"
    # CloudFront's own certificate takes no other: with it the provider would report a change for ever.
    minimum_protocol_version = var.custom_domain == null ? "TLSv1" : "TLSv1.2_2021"
  }

  dynamic "logging_config" {
    for_each = var.access_log == null ? [] : [var.access_log]

    content {
      bucket          = logging_config.value.bucket_domain_name
      prefix          = logging_config.value.prefix
      include_cookies = false # the page has none
    }
  }
}

resource "aws_route53_record" "this" {
  for_each = var.custom_domain_zone == null ? [] : toset(["A", "AAAA"])

  zone_id = var.custom_domain_zone.id
  name    = var.custom_domain.name
  type    = each.value

  alias {
    name                   = aws_cloudfront_distribution.this.domain_name
    zone_id                = aws_cloudfront_distribution.this.hosted_zone_id
    evaluate_target_health = false # CloudFront has none to evaluate
  }
}
