mock_provider "aws" {
  source = "../../mocks"

  override_resource {
    target = module.publish_api[0].aws_apigatewayv2_api.this
    values = { id = "f6g7h8i9j0", execution_arn = "arn:aws:execute-api:eu-west-1:123456789012:f6g7h8i9j0" }
  }

  override_resource {
    target = module.publish_api[0].aws_apigatewayv2_stage.this
    values = { invoke_url = "https://f6g7h8i9j0.execute-api.eu-west-1.amazonaws.com/v1" }
  }

  override_resource {
    target = module.function["broadcast"].aws_lambda_alias.live
    values = { arn = "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast:live", invoke_arn = "arn:broadcast" }
  }

  override_resource {
    target = module.function["authorizer"].aws_lambda_alias.live
    values = { arn = "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-authorizer:live", invoke_arn = "arn:authorizer" }
  }
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

run "there_is_no_publish_api_unless_asked" {
  assert {
    condition     = length(module.publish_api) == 0 && output.publish_api_url == null && output.publisher_policies.http == null && output.log_group_names.publish_api == null
    error_message = "an API that nobody asked for must not exist"
  }
}

run "publishers_by_iam_may_call_exactly_the_route" {
  variables {
    publish_api_enabled = true
    kms_key_arn         = "arn:aws:kms:eu-west-1:123456789012:key/1"
  }

  assert {
    condition     = jsondecode(output.publisher_policies.http).Statement == [{ Sid = "PublishByHttp", Effect = "Allow", Action = ["execute-api:Invoke"], Resource = ["arn:aws:execute-api:eu-west-1:123456789012:f6g7h8i9j0/v1/POST/events"] }]
    error_message = "a publisher may call the route and nothing else, and needs no key for it"
  }

  assert {
    condition     = output.publish_api_url == "https://f6g7h8i9j0.execute-api.eu-west-1.amazonaws.com/v1/events" && output.publish_api_id == "f6g7h8i9j0"
    error_message = "publishers must get the address"
  }

  assert {
    condition     = output.log_group_names.publish_api == "/aws/vendedlogs/apigateway/deals-test-publish/access"
    error_message = "requests must be logged, also where the account has no logging role"
  }
}

run "publishers_by_token_need_a_scope_of_their_own_and_no_policy" {
  variables {
    publish_api_enabled       = true
    publish_api_authorization = "JWT"
    publish_api_scope         = "deals/publish"
    jwt_scope                 = "deals/websocket"
  }

  assert {
    condition     = output.publisher_policies.http == null
    error_message = "the token is the right"
  }

  assert {
    condition     = local.functions.authorizer.environment.JWT_PUBLISH_SCOPE == "deals/publish" && local.functions.authorizer.environment.JWT_SCOPE == "deals/websocket"
    error_message = "the authorizer must ask publishers and clients for different scopes"
  }
}

run "retention_of_its_log_is_set_like_that_of_others" {
  command = plan

  variables {
    publish_api_enabled         = true
    log_retention_days_by_group = { publish_api = 90 }
  }

  assert {
    condition     = local.log_retention_days.publish_api == 90 && local.log_retention_days.access == var.log_retention_days
    error_message = "its log must be kept for as long as asked, and the others for as long as usual"
  }
}

run "refuses_settings_of_the_publish_api_under_its_own_names" {
  command = plan

  variables {
    publish_api_enabled                  = true
    publish_api_authorizer_cache_seconds = 3601
    publish_api_throttling               = { rate_limit = 0, burst_limit = 1 }
    publish_api_custom_domain_path       = "v1"
    publish_api_custom_domain_zone       = { id = "Z1" }
    publish_api_default_endpoint_enabled = false
  }

  expect_failures = [
    var.publish_api_authorizer_cache_seconds, var.publish_api_throttling, var.publish_api_custom_domain_path, var.publish_api_custom_domain_zone,
    var.publish_api_default_endpoint_enabled,
  ]
}

run "refuses_a_domain_of_the_publish_api_that_cannot_be" {
  command = plan

  variables {
    publish_api_enabled       = true
    publish_api_custom_domain = { name = "https://publish.example.com", certificate_arn = "arn:aws:iam::123456789012:server-certificate/x" }
  }

  expect_failures = [var.publish_api_custom_domain]
}

run "refuses_one_scope_for_clients_and_publishers" {
  command = plan

  variables {
    publish_api_scope = "websocket"
  }

  expect_failures = [var.publish_api_scope]
}

run "refuses_a_scope_of_two_words" {
  command = plan

  variables {
    publish_api_scope = "openid publish"
  }

  expect_failures = [var.publish_api_scope]
}

run "refuses_an_api_without_authorization" {
  command = plan

  variables {
    publish_api_authorization = "NONE"
  }

  expect_failures = [var.publish_api_authorization]
}

run "refuses_the_domain_of_the_websocket_api" {
  command = plan

  variables {
    publish_api_enabled       = true
    custom_domain             = { name = "live.example.com", certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1" }
    publish_api_custom_domain = { name = "live.example.com", certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1" }
  }

  expect_failures = [var.publish_api_custom_domain]
}

run "refuses_a_domain_without_the_api" {
  command = plan

  variables {
    publish_api_custom_domain = { name = "publish.example.com", certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1" }
  }

  expect_failures = [var.publish_api_custom_domain]
}
