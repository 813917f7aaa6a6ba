locals {
  # Where API Gateway has no route responses.
  one_way_routes = ["$connect", "$disconnect"]

  routes = {
    for key, route in var.routes : key => merge(route, {
      route_response = coalesce(route.route_response, route.function != null && !contains(local.one_way_routes, key))
    })
  }

  answered_routes = { for key, route in local.routes : key => route if route.function != null }

  functions = { for route in values(local.answered_routes) : route.function.name => route.function... }

  # Derived from the API, not from the stage, so that functions behind the stage can get it in their environment.
  management_endpoint = "${replace(aws_apigatewayv2_api.this.api_endpoint, "/^ws/", "http")}/${var.stage_name}"
}

################################################################################
# API
################################################################################

resource "aws_apigatewayv2_api" "this" {
  name                       = var.name
  description                = var.description
  protocol_type              = "WEBSOCKET"
  route_selection_expression = "$request.body.action"
  tags                       = var.tags
}

################################################################################
# Authorizer
################################################################################

# No identity sources: a token may come in one of three places, and a source that is missing is a 401 before the
# function runs. Results are never cached for WebSocket APIs.
resource "aws_apigatewayv2_authorizer" "this" {
  api_id          = aws_apigatewayv2_api.this.id
  name            = var.authorizer.name
  authorizer_type = "REQUEST"
  authorizer_uri  = var.authorizer.invoke_arn
}

resource "aws_lambda_permission" "authorizer" {
  statement_id  = "authorizer-${aws_apigatewayv2_api.this.id}"
  action        = "lambda:InvokeFunction"
  function_name = var.authorizer.name
  qualifier     = var.authorizer.qualifier
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/authorizers/${aws_apigatewayv2_authorizer.this.id}"
}

################################################################################
# Routes
################################################################################

resource "aws_apigatewayv2_integration" "this" {
  for_each = local.functions

  api_id                 = aws_apigatewayv2_api.this.id
  description            = each.key
  integration_type       = "AWS_PROXY"
  integration_method     = "POST"
  integration_uri        = each.value[0].invoke_arn
  payload_format_version = "1.0" # the only one of WebSocket APIs; validate does not catch 2.0
  timeout_milliseconds   = var.integration_timeout_milliseconds
}

# API Gateway takes the frames of a route without a function itself: no function runs, and no frame goes back, since
# the route has no route response. One integration serves all of them.
resource "aws_apigatewayv2_integration" "silent" {
  count = length(local.answered_routes) < length(local.routes) ? 1 : 0

  api_id                        = aws_apigatewayv2_api.this.id
  description                   = "Takes a frame and answers nothing"
  integration_type              = "MOCK"
  template_selection_expression = "\\$default" # the key itself: without the backslash it would be an expression
  request_templates             = { "$default" = jsonencode({ statusCode = 200 }) }
}

resource "aws_apigatewayv2_route" "this" {
  #checkov:skip=CKV_AWS_309:A WebSocket API authorizes the handshake alone, and $connect has the authorizer.
  for_each = local.routes

  api_id                              = aws_apigatewayv2_api.this.id
  route_key                           = each.key
  target                              = "integrations/${each.value.function == null ? aws_apigatewayv2_integration.silent[0].id : aws_apigatewayv2_integration.this[each.value.function.name].id}"
  authorization_type                  = each.key == "$connect" ? "CUSTOM" : "NONE"
  authorizer_id                       = each.key == "$connect" ? aws_apigatewayv2_authorizer.this.id : null
  route_response_selection_expression = each.value.route_response ? "$default" : null
}

# The other half of a reply: without it, what the function returns is dropped.
resource "aws_apigatewayv2_route_response" "this" {
  for_each = { for key, route in local.routes : key => route if route.route_response }

  api_id             = aws_apigatewayv2_api.this.id
  route_id           = aws_apigatewayv2_route.this[each.key].id
  route_response_key = "$default"
}

resource "aws_lambda_permission" "route" {
  for_each = local.answered_routes

  # One function may answer several APIs, and $ has no place in a statement id.
  statement_id  = "route-${aws_apigatewayv2_api.this.id}-${replace(each.key, "$", "_")}"
  action        = "lambda:InvokeFunction"
  function_name = each.value.function.name
  qualifier     = each.value.function.qualifier
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/${var.stage_name}/${each.key}"
}

################################################################################
# Deployment
################################################################################

resource "aws_apigatewayv2_deployment" "this" {
  api_id      = aws_apigatewayv2_api.this.id
  description = "Made by Terraform"

  # Chosen attributes only: a hash of whole resources changes with every attribute that a provider adds.
  triggers = {
    authorizer      = sha256(jsonencode([aws_apigatewayv2_authorizer.this.id, aws_apigatewayv2_authorizer.this.authorizer_uri]))
    integrations    = sha256(jsonencode({ for key, integration in aws_apigatewayv2_integration.this : key => [integration.id, integration.integration_uri, integration.timeout_milliseconds] }))
    silent          = sha256(jsonencode([for integration in aws_apigatewayv2_integration.silent : [integration.id, integration.request_templates]]))
    routes          = sha256(jsonencode({ for key, route in aws_apigatewayv2_route.this : key => [route.id, route.target, route.authorization_type, route.authorizer_id, route.route_response_selection_expression] }))
    route_responses = sha256(jsonencode({ for key, response in aws_apigatewayv2_route_response.this : key => response.id }))
  }

  # A deployment that a stage still points to cannot be deleted.
  lifecycle {
    create_before_destroy = true
  }
}

################################################################################
# Stage
################################################################################

resource "aws_apigatewayv2_stage" "this" {
  #checkov:skip=CKV2_AWS_51:A client certificate is for an HTTP backend; every integration here is a Lambda, called by IAM.
  api_id        = aws_apigatewayv2_api.this.id
  name          = var.stage_name
  deployment_id = aws_apigatewayv2_deployment.this.id
  tags          = var.tags

  # Always set both limits: a block without them sends 0, and API Gateway answers every connect with 429.
  default_route_settings {
    throttling_rate_limit    = var.default_throttling.rate_limit
    throttling_burst_limit   = var.default_throttling.burst_limit
    detailed_metrics_enabled = var.detailed_metrics_enabled
    logging_level            = var.execution_logging_level
    data_trace_enabled       = false # it would write every frame, tokens included, to the log
  }

  # A block replaces all of the defaults for its route, so it repeats them.
  dynamic "route_settings" {
    for_each = { for key, route in local.routes : key => route.throttling if route.throttling != null }

    content {
      route_key                = aws_apigatewayv2_route.this[route_settings.key].route_key
      throttling_rate_limit    = route_settings.value.rate_limit
      throttling_burst_limit   = route_settings.value.burst_limit
      detailed_metrics_enabled = var.detailed_metrics_enabled
      logging_level            = var.execution_logging_level
      data_trace_enabled       = false
    }
  }

  dynamic "access_log_settings" {
    for_each = aws_cloudwatch_log_group.access

    content {
      destination_arn = access_log_settings.value.arn
      format          = local.access_log_format
    }
  }

  # API Gateway would make the log group itself as soon as the stage logs.
  depends_on = [aws_api_gateway_account.this, aws_cloudwatch_log_group.execution]
}
