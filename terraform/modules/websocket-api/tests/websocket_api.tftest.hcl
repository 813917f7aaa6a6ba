mock_provider "aws" {
  source = "../../mocks"

  mock_resource "aws_apigatewayv2_authorizer" {
    defaults = { id = "auth01" }
  }

  mock_resource "aws_apigatewayv2_deployment" {
    defaults = { id = "dep001" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/apigateway/deals-test/access" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/api-gateway-logging-eu-west-1" }
  }
}

override_resource {
  target = aws_apigatewayv2_integration.this["deals-test-connection_handler"]
  values = { id = "int001" }
}

override_resource {
  target = aws_apigatewayv2_integration.this["deals-test-message_router"]
  values = { id = "int002" }
}

override_resource {
  target = aws_apigatewayv2_integration.silent
  values = { id = "int003" }
}

variables {
  name       = "deals-test"
  stage_name = "v1"

  authorizer = {
    name       = "deals-test-authorizer"
    qualifier  = "live"
    invoke_arn = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:deals-test-authorizer:live/invocations"
  }

  routes = {
    "$connect" = {
      function = { name = "deals-test-connection_handler", qualifier = "live", invoke_arn = "arn:connection_handler" }
    }
    "$disconnect" = {
      function = { name = "deals-test-connection_handler", qualifier = "live", invoke_arn = "arn:connection_handler" }
    }
    "$default" = {
      function = { name = "deals-test-message_router", qualifier = "live", invoke_arn = "arn:message_router" }
    }
    ping = {
      function = { name = "deals-test-message_router", qualifier = "live", invoke_arn = "arn:message_router" }
    }
    notify = {
      function       = { name = "deals-test-message_router", qualifier = "live", invoke_arn = "arn:message_router" }
      route_response = false
    }
    keepAlive = {}
  }
}

run "action_of_a_frame_selects_the_route" {
  command = plan

  assert {
    condition     = aws_apigatewayv2_api.this.protocol_type == "WEBSOCKET" && aws_apigatewayv2_api.this.route_selection_expression == "$request.body.action"
    error_message = "the protocol routes by the field action"
  }
}

run "routes_to_one_function_share_an_integration" {
  assert {
    condition     = length(aws_apigatewayv2_integration.this) == 2
    error_message = "routes to one function must share an integration"
  }

  assert {
    condition     = { for key, route in aws_apigatewayv2_route.this : key => route.target } == { "$connect" = "integrations/int001", "$default" = "integrations/int002", "$disconnect" = "integrations/int001", keepAlive = "integrations/int003", notify = "integrations/int002", ping = "integrations/int002" }
    error_message = "each route must lead to its function"
  }

  assert {
    condition = alltrue([
      for integration in aws_apigatewayv2_integration.this :
      integration.integration_type == "AWS_PROXY" && integration.integration_method == "POST" && integration.payload_format_version == "1.0" && integration.timeout_milliseconds <= 29000
    ])
    error_message = "WebSocket integrations must be POST with payload 1.0 and at most 29 s, which validate does not check"
  }
}

run "actions_reply_by_default_and_connect_never_does" {
  assert {
    condition     = toset(keys(aws_apigatewayv2_route_response.this)) == toset(["$default", "ping"])
    error_message = "every action must have a reply unless the route switches it off"
  }

  assert {
    condition     = { for key, route in aws_apigatewayv2_route.this : key => route.route_response_selection_expression if route.route_response_selection_expression != null } == { "$default" = "$default", ping = "$default" }
    error_message = "a reply needs both the selection expression and the route response"
  }

  assert {
    condition     = alltrue([for response in aws_apigatewayv2_route_response.this : response.route_response_key == "$default"])
    error_message = "$default is the only key of a route response"
  }
}

run "route_without_a_function_takes_its_frames_in_silence" {
  assert {
    condition     = one(aws_apigatewayv2_integration.silent).integration_type == "MOCK" && one(aws_apigatewayv2_integration.silent).integration_uri == null
    error_message = "API Gateway must take the frame itself"
  }

  assert {
    condition     = one(aws_apigatewayv2_integration.silent).template_selection_expression == "\\$default" && jsondecode(one(aws_apigatewayv2_integration.silent).request_templates["$default"]) == { statusCode = 200 }
    error_message = "a MOCK integration needs a request template with a statusCode, selected by the key $default, which is written with a backslash"
  }

  assert {
    condition     = aws_apigatewayv2_route.this["keepAlive"].route_response_selection_expression == null && !contains(keys(aws_apigatewayv2_route_response.this), "keepAlive")
    error_message = "a route response would send an empty frame, which is billed"
  }

  assert {
    condition     = !contains(keys(aws_lambda_permission.route), "keepAlive")
    error_message = "no function may be invoked by the route"
  }
}

run "connect_requires_the_authorizer" {
  assert {
    condition     = aws_apigatewayv2_route.this["$connect"].authorization_type == "CUSTOM" && aws_apigatewayv2_route.this["$connect"].authorizer_id == "auth01"
    error_message = "$connect must use the authorizer"
  }

  assert {
    condition     = alltrue([for key, route in aws_apigatewayv2_route.this : route.authorization_type == "NONE" if key != "$connect"])
    error_message = "API Gateway authorizes only $connect"
  }

  assert {
    condition     = aws_apigatewayv2_authorizer.this.authorizer_type == "REQUEST" && length(coalesce(aws_apigatewayv2_authorizer.this.identity_sources, [])) == 0
    error_message = "an identity source would refuse tokens in the other two places"
  }
}

run "only_routes_of_this_stage_may_invoke_the_functions" {
  assert {
    condition = { for key, permission in aws_lambda_permission.route : key => permission.source_arn } == {
      "$connect"    = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/$connect"
      "$default"    = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/$default"
      "$disconnect" = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/$disconnect"
      notify        = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/notify"
      ping          = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/ping"
    }
    error_message = "a permission must name API, stage and route, without wildcards"
  }

  assert {
    condition     = aws_lambda_permission.authorizer.source_arn == "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/authorizers/auth01"
    error_message = "only this authorizer may invoke its function"
  }

  assert {
    condition     = alltrue([for permission in concat(values(aws_lambda_permission.route), [aws_lambda_permission.authorizer]) : permission.principal == "apigateway.amazonaws.com" && permission.qualifier == "live"])
    error_message = "API Gateway must invoke the alias"
  }

  assert {
    condition     = alltrue([for permission in values(aws_lambda_permission.route) : can(regex("^[a-zA-Z0-9_-]{1,100}$", permission.statement_id))])
    error_message = "a statement id must not contain $"
  }
}

run "stage_serves_the_deployment_of_the_declared_routes" {
  assert {
    condition     = aws_apigatewayv2_stage.this.deployment_id == "dep001" && toset(keys(aws_apigatewayv2_deployment.this.triggers)) == toset(["authorizer", "integrations", "silent", "routes", "route_responses"])
    error_message = "the stage must serve the deployment of these resources"
  }
}

run "new_route_creates_a_new_deployment" {
  variables {
    routes = {
      "$connect" = {
        function = { name = "deals-test-connection_handler", qualifier = "live", invoke_arn = "arn:connection_handler" }
      }
    }
  }

  assert {
    condition     = aws_apigatewayv2_deployment.this.triggers.routes != run.stage_serves_the_deployment_of_the_declared_routes.deployment_triggers.routes
    error_message = "a new route must change the trigger, or the stage serves the old routes"
  }

  assert {
    condition     = length(aws_apigatewayv2_integration.silent) == 0
    error_message = "an API whose routes all have functions must have no MOCK integration"
  }

  assert {
    condition     = aws_apigatewayv2_deployment.this.triggers.authorizer == run.stage_serves_the_deployment_of_the_declared_routes.deployment_triggers.authorizer
    error_message = "unchanged resources must not change the trigger"
  }
}

run "every_settings_block_has_both_throttles" {
  variables {
    default_throttling = { rate_limit = 200, burst_limit = 100 }
    routes = {
      "$connect" = {
        function   = { name = "deals-test-connection_handler", qualifier = "live", invoke_arn = "arn:connection_handler" }
        throttling = { rate_limit = 50, burst_limit = 25 }
      }
      ping = {
        function = { name = "deals-test-message_router", qualifier = "live", invoke_arn = "arn:message_router" }
      }
    }
    detailed_metrics_enabled = true
    execution_logging_level  = "ERROR"
  }

  assert {
    condition     = aws_apigatewayv2_stage.this.default_route_settings[0].throttling_rate_limit == 200 && aws_apigatewayv2_stage.this.default_route_settings[0].throttling_burst_limit == 100
    error_message = "without both limits API Gateway answers every connect with 429"
  }

  assert {
    condition     = one(aws_apigatewayv2_stage.this.route_settings).route_key == "$connect" && one(aws_apigatewayv2_stage.this.route_settings).throttling_rate_limit == 50 && one(aws_apigatewayv2_stage.this.route_settings).throttling_burst_limit == 25
    error_message = "only routes with their own limits may have a block, with both limits"
  }

  assert {
    condition     = one(aws_apigatewayv2_stage.this.route_settings).detailed_metrics_enabled && one(aws_apigatewayv2_stage.this.route_settings).logging_level == "ERROR"
    error_message = "a route's block must repeat the default settings, which it replaces"
  }
}

run "frames_and_tokens_stay_out_of_the_logs" {
  variables {
    access_log_enabled = true
  }

  assert {
    condition     = aws_apigatewayv2_stage.this.default_route_settings[0].data_trace_enabled == false && aws_apigatewayv2_stage.this.default_route_settings[0].logging_level == "OFF"
    error_message = "data tracing must be off, because it logs every frame"
  }

  assert {
    condition     = !strcontains(lower(aws_apigatewayv2_stage.this.access_log_settings[0].format), "querystring") && !strcontains(lower(aws_apigatewayv2_stage.this.access_log_settings[0].format), "header")
    error_message = "the access log must not hold the query string or headers, which carry tokens"
  }
}

run "access_log_is_valid_json" {
  variables {
    access_log_enabled = true
  }

  assert {
    condition     = jsondecode(aws_apigatewayv2_stage.this.access_log_settings[0].format).connectionId == "$context.connectionId"
    error_message = "every line must be one JSON object"
  }

  assert {
    condition     = alltrue([for value in values(jsondecode(aws_apigatewayv2_stage.this.access_log_settings[0].format)) : startswith(value, "$context.")]) && length(aws_apigatewayv2_stage.this.access_log_settings[0].format) <= 3072
    error_message = "the template may hold only context variables, and at most 3 KB"
  }

  assert {
    condition     = aws_apigatewayv2_stage.this.access_log_settings[0].destination_arn == aws_cloudwatch_log_group.access[0].arn && aws_cloudwatch_log_group.access[0].retention_in_days == 30
    error_message = "the access log must have its own group with a retention"
  }
}

run "logging_role_of_the_account_is_unchanged_by_default" {
  assert {
    condition     = length(aws_api_gateway_account.this) == 0 && length(aws_iam_role.logging) == 0
    error_message = "the role is a setting of the account, with one owner in a Region"
  }
}

run "logging_role_of_the_account_can_be_set" {
  variables {
    manage_account_logging_role = true
  }

  assert {
    condition     = aws_api_gateway_account.this[0].cloudwatch_role_arn == "arn:aws:iam::123456789012:role/api-gateway-logging-eu-west-1"
    error_message = "the account must use this role"
  }

  assert {
    condition     = aws_iam_role_policy_attachment.logging[0].policy_arn == "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
    error_message = "API Gateway requires the permissions of AWS's managed policy"
  }
}

run "without_being_asked_an_api_logs_nothing" {
  command = plan

  assert {
    condition     = length(aws_cloudwatch_log_group.access) == 0 && length(aws_apigatewayv2_stage.this.access_log_settings) == 0 && output.access_log_group_name == null
    error_message = "without logs the API must need no logging role"
  }
}

run "output_has_the_endpoint_for_posts" {
  assert {
    condition     = output.management_endpoint == "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/v1"
    error_message = "PostToConnection needs the HTTPS endpoint with the stage"
  }
}

run "execution_log_is_declared_before_api_gateway_makes_it" {
  variables {
    execution_logging_level = "ERROR"
    log_retention_days      = 90
    log_kms_key_arn         = "arn:aws:kms:eu-west-1:123456789012:key/1"
  }

  assert {
    condition     = output.execution_log_group_name == "API-Gateway-Execution-Logs_a1b2c3d4e5/v1" && aws_cloudwatch_log_group.execution[0].retention_in_days == 90 && aws_cloudwatch_log_group.execution[0].kms_key_id == "arn:aws:kms:eu-west-1:123456789012:key/1"
    error_message = "the group that API Gateway writes to must have a retention and the key"
  }
}

run "without_an_execution_log_there_is_no_group_for_it" {
  command = plan

  assert {
    condition     = length(aws_cloudwatch_log_group.execution) == 0 && output.execution_log_group_name == null
    error_message = "a group that nothing writes to must not exist"
  }
}

run "logging_role_has_the_organisations_boundary" {
  variables {
    manage_account_logging_role = true
    permissions_boundary_arn    = "arn:aws:iam::123456789012:policy/boundary"
  }

  assert {
    condition     = aws_iam_role.logging[0].permissions_boundary == "arn:aws:iam::123456789012:policy/boundary"
    error_message = "every role must have the boundary"
  }
}
