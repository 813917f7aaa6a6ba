mock_provider "aws" {
  source = "../../mocks"

  mock_resource "aws_s3_bucket" {
    defaults = {
      id                          = "deals-test-console-1"
      arn                         = "arn:aws:s3:::deals-test-console-1"
      bucket_regional_domain_name = "deals-test-console-1.s3.eu-west-1.amazonaws.com"
    }
  }

  mock_resource "aws_cloudfront_distribution" {
    defaults = {
      id             = "E1"
      arn            = "arn:aws:cloudfront::123456789012:distribution/E1"
      domain_name    = "d1.cloudfront.net"
      hosted_zone_id = "Z2FDTNDATAQYW2"
    }
  }

  mock_resource "aws_cloudfront_origin_access_control" {
    defaults = { id = "OAC1" }
  }

  mock_resource "aws_cloudfront_response_headers_policy" {
    defaults = { id = "RHP1" }
  }
}

variables {
  name          = "deals-test"
  websocket_url = "wss://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/v1"
  folder        = "./tests/fixtures/dist"
}

run "nobody_but_the_distribution_reads_the_bucket" {
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
      aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced",
    ])
    error_message = "the bucket must not become public by any way"
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_s3_bucket_policy.this.policy).Statement :
      statement.Principal == { Service = "cloudfront.amazonaws.com" } &&
      statement.Condition.StringEquals["aws:SourceArn"] == "arn:aws:cloudfront::123456789012:distribution/E1"
      if statement.Effect == "Allow"
    ])
    error_message = "only this distribution may read"
  }

  assert {
    condition = toset([for statement in jsondecode(aws_s3_bucket_policy.this.policy).Statement : "${statement.Effect} ${statement.Action}"]) == toset([
      "Allow s3:GetObject", "Allow s3:ListBucket", "Deny s3:*",
    ])
    error_message = "it reads, learns what is missing, and never in plain text"
  }

  assert {
    condition     = aws_cloudfront_origin_access_control.this.signing_behavior == "always" && one(aws_cloudfront_distribution.this.origin).origin_access_control_id == "OAC1"
    error_message = "the distribution must sign its requests"
  }
}

run "page_may_open_sockets_to_its_service_alone" {
  assert {
    condition     = strcontains(aws_cloudfront_response_headers_policy.this.security_headers_config[0].content_security_policy[0].content_security_policy, "connect-src 'self' wss://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com;")
    error_message = "connect-src must name the one host, without its path"
  }

  assert {
    condition = alltrue([
      aws_cloudfront_response_headers_policy.this.security_headers_config[0].content_security_policy[0].override,
      aws_cloudfront_response_headers_policy.this.security_headers_config[0].content_type_options[0].override,
      aws_cloudfront_response_headers_policy.this.security_headers_config[0].referrer_policy[0].referrer_policy == "no-referrer",
      one(aws_cloudfront_response_headers_policy.this.custom_headers_config[0].items[*]).header == "Cross-Origin-Opener-Policy",
      aws_cloudfront_distribution.this.default_cache_behavior[0].response_headers_policy_id == "RHP1",
    ])
    error_message = "every answer must have all headers, whatever the bucket says"
  }

  assert {
    condition     = aws_s3_object.settings.content == "{\"url\":\"wss://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/v1\"}"
    error_message = "config.json must name the service"
  }
}

run "files_have_their_types_and_are_asked_for_again" {
  assert {
    condition = { for name, file in aws_s3_object.files : name => file.content_type } == {
      "console.js"    = "text/javascript; charset=utf-8"
      "console.css"   = "text/css; charset=utf-8"
      "icon.svg"      = "image/svg+xml"
      "fonts/LICENSE" = "application/octet-stream"
    }
    error_message = "every file but the page and its settings, each with its type"
  }

  assert {
    condition     = aws_s3_object.page.key == "index.html" && aws_s3_object.page.content_type == "text/html; charset=utf-8" && aws_s3_object.settings.key == "config.json"
    error_message = "the page and its settings must be there"
  }

  assert {
    condition     = toset([for file in concat(values(aws_s3_object.files), [aws_s3_object.page, aws_s3_object.settings]) : file.cache_control]) == toset(["no-cache"])
    error_message = "names do not change with contents, so no file may be kept unasked"
  }
}

run "without_options_it_has_cloudfronts_name_and_s3s_key" {
  assert {
    condition     = output.url == "https://d1.cloudfront.net/" && output.distribution_id == "E1" && output.bucket_name == "deals-test-console-1"
    error_message = "the page is at CloudFront's own name"
  }

  assert {
    condition = alltrue([
      length(aws_cloudfront_distribution.this.aliases) == 0,
      aws_cloudfront_distribution.this.viewer_certificate[0].cloudfront_default_certificate,
      length(aws_cloudfront_distribution.this.logging_config) == 0,
      length(aws_route53_record.this) == 0,
      one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256",
      aws_cloudfront_distribution.this.default_cache_behavior[0].viewer_protocol_policy == "redirect-to-https",
    ])
    error_message = "nothing that was not asked for"
  }
}

run "own_name_has_tls_1_2_and_records_for_both_kinds_of_addresses" {
  variables {
    custom_domain      = { name = "console.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
    custom_domain_zone = { id = "Z0123456789ABCDEFGHIJ" }
  }

  assert {
    condition = alltrue([
      output.url == "https://console.example.com/",
      aws_cloudfront_distribution.this.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021",
      aws_cloudfront_distribution.this.viewer_certificate[0].ssl_support_method == "sni-only",
      aws_cloudfront_distribution.this.viewer_certificate[0].acm_certificate_arn == "arn:aws:acm:us-east-1:123456789012:certificate/1",
      aws_cloudfront_distribution.this.aliases == toset(["console.example.com"]),
    ])
    error_message = "the name must be served by its certificate, with TLS 1.2 and newer"
  }

  assert {
    condition     = { for type, record in aws_route53_record.this : type => record.alias[0].name } == { A = "d1.cloudfront.net", AAAA = "d1.cloudfront.net" }
    error_message = "both kinds of addresses must lead to the distribution"
  }
}

run "name_without_a_zone_gets_no_record" {
  variables {
    custom_domain = { name = "console.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
  }

  assert {
    condition     = length(aws_route53_record.this) == 0 && output.distribution_domain_name == "d1.cloudfront.net"
    error_message = "DNS is elsewhere, and needs to know where to point"
  }
}

run "key_logs_web_acl_and_tags_are_taken" {
  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1"
    web_acl_arn = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/console/1"
    access_log  = { bucket_domain_name = "logs.s3.amazonaws.com", prefix = "console/" }
    price_class = "PriceClass_All"
    tags        = { team = "deals" }
  }

  assert {
    condition = alltrue([
      one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms",
      alltrue([for file in concat(values(aws_s3_object.files), [aws_s3_object.page, aws_s3_object.settings]) : file.kms_key_id == "arn:aws:kms:eu-west-1:123456789012:key/1"]),
    ])
    error_message = "every file must be encrypted with the key"
  }

  assert {
    condition = alltrue([
      aws_cloudfront_distribution.this.web_acl_id == "arn:aws:wafv2:us-east-1:123456789012:global/webacl/console/1",
      aws_cloudfront_distribution.this.logging_config[0].bucket == "logs.s3.amazonaws.com",
      aws_cloudfront_distribution.this.logging_config[0].prefix == "console/",
      aws_cloudfront_distribution.this.price_class == "PriceClass_All",
      aws_cloudfront_distribution.this.tags.team == "deals",
      aws_s3_bucket.this.tags.team == "deals",
    ])
    error_message = "the options must take effect"
  }
}
