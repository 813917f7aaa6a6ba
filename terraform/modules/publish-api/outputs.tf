################################################################################
# API
################################################################################

output "api_id" {
  description = "Id of the API: the ApiId dimension of its metrics"
  value       = aws_apigatewayv2_api.this.id
}

output "url" {
  description = "Where publishers POST events, known once the stage or the custom domain serves it"
  value       = "${local.base_url}${local.path}"
}

output "route_arn" {
  description = "ARN of the route: the resource of execute-api:Invoke for publishers whom IAM authorises"
  value       = "${aws_apigatewayv2_api.this.execution_arn}/${var.stage_name}/POST${local.path}"
}

################################################################################
# Stage
################################################################################

output "stage_name" {
  description = "Name of the stage: the Stage dimension of its metrics"
  value       = aws_apigatewayv2_stage.this.name
}

output "custom_domain_target" {
  description = "What the custom domain's DNS record points to: `domain_name`, and `hosted_zone_id` for an alias in Route 53; null without a custom domain"
  value       = one(module.domain[*].target)
}

output "access_log_group_name" {
  description = "Name of the access log's group, for metric filters and queries; null without an access log"
  value       = one(aws_cloudwatch_log_group.access[*].name)
}

output "deployment_triggers" {
  description = "Hashes of the parts of the deployment in service, to see why a plan wants a new one"
  value       = aws_apigatewayv2_deployment.this.triggers
}
