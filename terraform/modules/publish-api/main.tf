locals {
  route_key = "POST /events"
  path      = "/events"
  by_token  = var.authorization == "JWT"
}

################################################################################
# API
################################################################################

resource "aws_apigatewayv2_api" "this" {
  name          = var.name
  description   = var.description
  protocol_type = "HTTP"
  tags          = var.tags

  disable_execute_api_endpoint = !local.default_endpoint_enabled
}

################################################################################
# Authorizer
################################################################################

# Not API Gateway's own JWT authorizer: it takes RS256 of an OpenID Connect issuer alone, knows no revocations, and hands
# lists on as a text.
resource "aws_apigatewayv2_authorizer" "this" {
  count = local.by_token ? 1 : 0

  api_id                            = aws_apigatewayv2_api.this.id
  name                              = var.authorizer.name
  authorizer_type                   = "REQUEST"
  authorizer_uri                    = var.authorizer.invoke_arn
  authorizer_payload_format_version = "2.0"
  enable_simple_responses           = true
  identity_sources                  = ["$request.header.Authorization"]
  authorizer_result_ttl_in_seconds  = var.authorizer_cache_seconds
}

resource "aws_lambda_permission" "authorizer" {
  count = local.by_token ? 1 : 0

  statement_id  = "publish-authorizer-${aws_apigatewayv2_api.this.id}"
  action        = "lambda:InvokeFunction"
  function_name = var.authorizer.name
  qualifier     = var.authorizer.qualifier
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/authorizers/${aws_apigatewayv2_authorizer.this[0].id}"
}

################################################################################
# Route
################################################################################

resource "aws_apigatewayv2_integration" "this" {
  api_id                 = aws_apigatewayv2_api.this.id
  description            = var.function.name
  integration_type       = "AWS_PROXY"
  integration_method     = "POST"
  integration_uri        = var.function.invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 30000 # the maximum of HTTP APIs; the function answers before
}

resource "aws_apigatewayv2_route" "this" {
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = local.route_key
  target             = "integrations/${aws_apigatewayv2_integration.this.id}"
  authorization_type = local.by_token ? "CUSTOM" : "AWS_IAM"
  authorizer_id      = one(aws_apigatewayv2_authorizer.this[*].id)
}

resource "aws_lambda_permission" "this" {
  statement_id  = "publish-${aws_apigatewayv2_api.this.id}"
  action        = "lambda:InvokeFunction"
  function_name = var.function.name
  qualifier     = var.function.qualifier
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/${var.stage_name}/POST${local.path}"
}

################################################################################
# Deployment
################################################################################

resource "aws_apigatewayv2_deployment" "this" {
  api_id      = aws_apigatewayv2_api.this.id
  description = "Made by Terraform"

  # Chosen attributes only: a hash of whole resources changes with every attribute that a provider adds.
  triggers = merge({
    authorizer  = sha256(jsonencode([for authorizer in aws_apigatewayv2_authorizer.this : [authorizer.id, authorizer.authorizer_uri, authorizer.authorizer_result_ttl_in_seconds]]))
    integration = sha256(jsonencode([aws_apigatewayv2_integration.this.id, aws_apigatewayv2_integration.this.integration_uri]))
    route       = sha256(jsonencode([aws_apigatewayv2_route.this.id, aws_apigatewayv2_route.this.target, aws_apigatewayv2_route.this.authorization_type, aws_apigatewayv2_route.this.authorizer_id]))
    }, local.default_endpoint_enabled ? {} : {
    # API Gateway stops to serve it with the next deployment.
    default_endpoint = "off"
  })

  # A deployment that a stage still points to cannot be deleted.
  lifecycle {
    create_before_destroy = true
  }
}

################################################################################
# Stage
################################################################################

resource "aws_apigatewayv2_stage" "this" {
  #checkov:skip=CKV2_AWS_51:A client certificate is for an HTTP backend; the integration is a Lambda, called by IAM.
  api_id        = aws_apigatewayv2_api.this.id
  name          = var.stage_name
  deployment_id = aws_apigatewayv2_deployment.this.id
  tags          = var.tags

  # Always set both limits: a block without one of them sends 0, and API Gateway answers every request with 429.
  default_route_settings {
    throttling_rate_limit    = var.throttling.rate_limit
    throttling_burst_limit   = var.throttling.burst_limit
    detailed_metrics_enabled = false # there is one route
  }

  dynamic "access_log_settings" {
    for_each = aws_cloudwatch_log_group.access

    content {
      destination_arn = access_log_settings.value.arn
      format          = local.access_log_format
    }
  }
}
