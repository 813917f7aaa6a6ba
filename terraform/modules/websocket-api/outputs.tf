################################################################################
# API
################################################################################

output "api_id" {
  description = "Id of the API: the ApiId dimension of its metrics"
  value       = aws_apigatewayv2_api.this.id
}

output "execution_arn" {
  description = "ARN prefix of the API; with /STAGE/POST/@connections/* the resource of execute-api:ManageConnections"
  value       = aws_apigatewayv2_api.this.execution_arn
}

output "management_endpoint" {
  description = "HTTPS endpoint for PostToConnection: of the stage, or of the custom domain (without the stage) where there is no default endpoint. Known before both, so the functions behind them can have it"
  value       = local.management_endpoint
}

################################################################################
# Stage
################################################################################

output "stage_name" {
  description = "Name of the stage: the Stage dimension of its metrics"
  value       = aws_apigatewayv2_stage.this.name
}

output "stage_arn" {
  description = "ARN of the stage, for policies and tags"
  value       = aws_apigatewayv2_stage.this.arn
}

output "websocket_url" {
  description = "WebSocket URL that clients connect to, known once the stage or the custom domain serves it"
  value       = var.custom_domain == null ? aws_apigatewayv2_stage.this.invoke_url : "wss://${module.domain[0].address}"
}

output "custom_domain_target" {
  description = "What the custom domain's DNS record points to: `domain_name`, and `hosted_zone_id` for an alias in Route 53; null without a custom domain"
  value       = one(module.domain[*].target)
}

output "access_log_group_name" {
  description = "Name of the access log's group, for metric filters and queries; null without an access log"
  value       = one(aws_cloudwatch_log_group.access[*].name)
}

output "execution_log_group_name" {
  description = "Name of the execution log's group; null without an execution log"
  value       = one(aws_cloudwatch_log_group.execution[*].name)
}

output "deployment_triggers" {
  description = "Hashes of the parts of the deployment in service, to see why a plan wants a new one"
  value       = aws_apigatewayv2_deployment.this.triggers
}
