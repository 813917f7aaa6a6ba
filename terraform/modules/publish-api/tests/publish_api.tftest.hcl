mock_provider "aws" {
  source = "../../mocks"

  mock_resource "aws_apigatewayv2_stage" {
    defaults = { invoke_url = "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/v1" }
  }

  mock_resource "aws_apigatewayv2_authorizer" {
    defaults = { id = "auth01" }
  }

  mock_resource "aws_apigatewayv2_integration" {
    defaults = { id = "int001" }
  }

  mock_resource "aws_apigatewayv2_deployment" {
    defaults = { id = "dep001" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/vendedlogs/apigateway/deals-test-publish/access" }
  }
}

variables {
  name          = "deals-test-publish"
  function      = { name = "deals-test-broadcast", qualifier = "live", invoke_arn = "arn:broadcast" }
  authorization = "JWT"
  authorizer    = { name = "deals-test-authorizer", qualifier = "live", invoke_arn = "arn:authorizer" }
}

run "one_route_leads_to_the_functions_alias" {
  assert {
    condition     = aws_apigatewayv2_api.this.protocol_type == "HTTP" && aws_apigatewayv2_route.this.route_key == "POST /events" && aws_apigatewayv2_route.this.target == "integrations/int001"
    error_message = "publishers POST to /events, and everything else is a 404"
  }

  assert {
    condition     = aws_apigatewayv2_integration.this.integration_type == "AWS_PROXY" && aws_apigatewayv2_integration.this.payload_format_version == "2.0" && aws_apigatewayv2_integration.this.integration_uri == "arn:broadcast"
    error_message = "the function reads payload format 2.0"
  }

  assert {
    condition     = aws_lambda_permission.this.function_name == "deals-test-broadcast" && aws_lambda_permission.this.qualifier == "live" && aws_lambda_permission.this.source_arn == "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/POST/events"
    error_message = "the alias may be invoked by this route and by nothing else"
  }

  assert {
    condition     = output.url == "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/v1/events" && output.stage_name == "v1" && output.api_id == "a1b2c3d4e5"
    error_message = "publishers must get the address of the route"
  }
}

run "tokens_are_verified_by_the_function_and_remembered_for_a_minute" {
  assert {
    condition     = aws_apigatewayv2_route.this.authorization_type == "CUSTOM" && aws_apigatewayv2_route.this.authorizer_id == "auth01"
    error_message = "a request must pass the authorizer"
  }

  assert {
    condition     = aws_apigatewayv2_authorizer.this[0].authorizer_payload_format_version == "2.0" && aws_apigatewayv2_authorizer.this[0].enable_simple_responses && aws_apigatewayv2_authorizer.this[0].authorizer_result_ttl_in_seconds == 60
    error_message = "the authorizer answers in the simple form, which is kept for a minute"
  }

  assert {
    condition     = aws_apigatewayv2_authorizer.this[0].identity_sources == toset(["$request.header.Authorization"])
    error_message = "answers are kept by token: with another identity source, or none, one publisher would get another's rights"
  }

  assert {
    condition     = aws_lambda_permission.authorizer[0].source_arn == "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/authorizers/auth01" && aws_lambda_permission.authorizer[0].qualifier == "live"
    error_message = "only this authorizer of the API may invoke the function"
  }
}

run "with_iam_the_caller_needs_the_right_to_the_route_and_no_function_verifies" {
  variables {
    authorization = "IAM"
    authorizer    = null
  }

  assert {
    condition     = aws_apigatewayv2_route.this.authorization_type == "AWS_IAM" && aws_apigatewayv2_route.this.authorizer_id == null
    error_message = "API Gateway must check signature and policy"
  }

  assert {
    condition     = length(aws_apigatewayv2_authorizer.this) + length(aws_lambda_permission.authorizer) == 0
    error_message = "no authorizer may be left that nothing uses"
  }

  assert {
    condition     = output.route_arn == "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/POST/events"
    error_message = "a publisher's policy must name exactly the route"
  }
}

run "both_throttles_are_always_set" {
  assert {
    condition     = aws_apigatewayv2_stage.this.default_route_settings[0].throttling_rate_limit == 100 && aws_apigatewayv2_stage.this.default_route_settings[0].throttling_burst_limit == 200
    error_message = "without one of them every request is answered 429"
  }
}

run "throttles_follow_the_input" {
  variables {
    throttling = { rate_limit = 0.5, burst_limit = 3 }
  }

  assert {
    condition     = aws_apigatewayv2_stage.this.default_route_settings[0].throttling_rate_limit == 0.5 && aws_apigatewayv2_stage.this.default_route_settings[0].throttling_burst_limit == 3
    error_message = "the stage must have the limits that were asked for"
  }
}

run "access_log_is_json_without_headers_in_a_group_that_no_policy_runs_out_of_room_for" {
  variables {
    log_retention_days = 90
    log_kms_key_arn    = "arn:aws:kms:eu-west-1:123456789012:key/1"
  }

  assert {
    condition     = alltrue([for value in values(jsondecode(aws_apigatewayv2_stage.this.access_log_settings[0].format)) : startswith(value, "$context.")]) && !strcontains(lower(aws_apigatewayv2_stage.this.access_log_settings[0].format), "header")
    error_message = "a line may hold no header: they carry tokens and signatures"
  }

  assert {
    condition     = startswith(aws_cloudwatch_log_group.access[0].name, "/aws/vendedlogs/") && aws_cloudwatch_log_group.access[0].retention_in_days == 90 && aws_cloudwatch_log_group.access[0].kms_key_id == "arn:aws:kms:eu-west-1:123456789012:key/1"
    error_message = "the group must have the retention and the key"
  }
}

run "access_log_can_be_left_out" {
  variables {
    access_log_enabled = false
  }

  assert {
    condition     = length(aws_apigatewayv2_stage.this.access_log_settings) + length(aws_cloudwatch_log_group.access) == 0 && output.access_log_group_name == null
    error_message = "then there is no group"
  }
}

run "domain_takes_the_place_of_the_default_endpoint" {
  variables {
    custom_domain      = { name = "publish.example.com", certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012" }
    custom_domain_path = "deals"
    custom_domain_zone = { id = "Z0123456789ABCDEFGHIJ" }
  }

  assert {
    condition     = output.url == "https://publish.example.com/deals/events" && module.domain[0].stage_name == "v1"
    error_message = "publishers must get the domain, without the stage"
  }

  assert {
    condition     = aws_apigatewayv2_api.this.disable_execute_api_endpoint && output.deployment_triggers.default_endpoint == "off"
    error_message = "nothing may pass by the domain, and API Gateway stops serving the default endpoint with a deployment"
  }

  assert {
    condition     = module.domain[0].record_name == "publish.example.com" && output.custom_domain_target == module.domain[0].target
    error_message = "the zone must get the record of the domain"
  }

  # What IAM allows is about the API and its stage, whatever name the call used.
  assert {
    condition     = output.route_arn == "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/POST/events"
    error_message = "the right to publish must stay that of the stage"
  }
}

run "both_addresses_serve_while_publishers_move" {
  variables {
    custom_domain            = { name = "publish.example.com", certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012" }
    default_endpoint_enabled = true
  }

  assert {
    condition     = !aws_apigatewayv2_api.this.disable_execute_api_endpoint && output.url == "https://publish.example.com/events" && module.domain[0].record_name == null
    error_message = "the default endpoint must stay, and a record needs a zone"
  }
}

run "a_change_of_what_is_served_makes_a_new_deployment" {
  variables {
    authorizer_cache_seconds = 0
  }

  assert {
    condition     = output.deployment_triggers.authorizer != run.both_throttles_are_always_set.deployment_triggers.authorizer && output.deployment_triggers.route == run.both_throttles_are_always_set.deployment_triggers.route
    error_message = "the stage would go on with the old answer"
  }
}
