locals {
  # Never headers, which hold the token or the signature. Who called is in the lines of the functions too.
  access_log_format = jsonencode({
    requestId          = "$context.requestId"
    requestTimeEpoch   = "$context.requestTimeEpoch"
    routeKey           = "$context.routeKey"
    httpMethod         = "$context.httpMethod"
    path               = "$context.path"
    status             = "$context.status"
    responseLength     = "$context.responseLength"
    responseLatency    = "$context.responseLatency"
    sourceIp           = "$context.identity.sourceIp"
    userId             = "$context.authorizer.userId"
    caller             = "$context.identity.userArn"
    authorizerError    = "$context.authorizer.error"
    integrationStatus  = "$context.integration.integrationStatus"
    integrationLatency = "$context.integrationLatency"
    integrationError   = "$context.integrationErrorMessage"
    errorMessage       = "$context.error.message"
  })
}

################################################################################
# Access log
################################################################################

# HTTP APIs deliver their logs without the account's role, by a resource policy that AWS writes for the group. It has a limit
# of 5,120 characters for all groups of the account, which groups of this name do not count against.
resource "aws_cloudwatch_log_group" "access" {
  #checkov:skip=CKV_AWS_338:The variable log_retention_days sets it; a year by default would cost deployments that do not need it.
  count = var.access_log_enabled ? 1 : 0

  name              = "/aws/vendedlogs/apigateway/${var.name}/access"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}
