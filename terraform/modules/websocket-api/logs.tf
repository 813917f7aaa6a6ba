locals {
  # Never the query string, which may hold a token; API Gateway has no variable for it either. At most 3 KB. Only what
  # somebody reads: most lines are of heartbeats, and each costs by its length. The user agent is in the line of the handshake.
  access_log_format = jsonencode({
    requestId          = "$context.requestId"
    connectionId       = "$context.connectionId"
    eventType          = "$context.eventType"
    routeKey           = "$context.routeKey"
    status             = "$context.status"
    requestTimeEpoch   = "$context.requestTimeEpoch"
    sourceIp           = "$context.identity.sourceIp"
    userId             = "$context.authorizer.principalId"
    authorizerStatus   = "$context.authorizer.status"
    authorizerLatency  = "$context.authorizer.latency"
    authorizerError    = "$context.authorizer.error"
    integrationStatus  = "$context.integration.integrationStatus"
    integrationLatency = "$context.integration.latency"
    integrationError   = "$context.integration.error"
    errorMessage       = "$context.error.message"
  })
}

################################################################################
# Access log
################################################################################

resource "aws_cloudwatch_log_group" "access" {
  #checkov:skip=CKV_AWS_338:The variable log_retention_days sets it; a year by default would cost deployments that do not need it.
  count = var.access_log_enabled ? 1 : 0

  name              = "/aws/apigateway/${var.name}/access"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

################################################################################
# Execution log
################################################################################

# API Gateway makes this group itself, with its own name for it and without a retention or key, where it is missing.
resource "aws_cloudwatch_log_group" "execution" {
  #checkov:skip=CKV_AWS_338:The variable log_retention_days sets it; a year by default would cost deployments that do not need it.
  count = var.execution_logging_level == "OFF" ? 0 : 1

  name              = "API-Gateway-Execution-Logs_${aws_apigatewayv2_api.this.id}/${var.stage_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

################################################################################
# Role of the account
################################################################################

data "aws_partition" "current" {}
data "aws_region" "current" {}

resource "aws_iam_role" "logging" {
  count = var.manage_account_logging_role ? 1 : 0

  # Roles are global, and the account has one such role per Region.
  name                 = "api-gateway-logging-${data.aws_region.current.id}"
  description          = "Writes the logs of every API Gateway API of the Region"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "apigateway.amazonaws.com" }
    }]
  })
}

# AWS's own policy: API Gateway checks for just these rights when the role is set, and they name no log group
# because the role serves every API of the Region.
resource "aws_iam_role_policy_attachment" "logging" {
  count = var.manage_account_logging_role ? 1 : 0

  role       = aws_iam_role.logging[0].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
}

resource "aws_api_gateway_account" "this" {
  count = var.manage_account_logging_role ? 1 : 0

  cloudwatch_role_arn = aws_iam_role.logging[0].arn

  depends_on = [aws_iam_role_policy_attachment.logging]
}
