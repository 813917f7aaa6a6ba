output "address" {
  description = "Domain and path, without the stage, known once the mapping serves them"
  value       = join("/", compact([aws_apigatewayv2_api_mapping.this.domain_name, var.path]))
}

output "target" {
  description = "What the domain's DNS record points to: `domain_name`, and `hosted_zone_id` for an alias in Route 53"
  value = {
    domain_name    = aws_apigatewayv2_domain_name.this.domain_name_configuration[0].target_domain_name
    hosted_zone_id = aws_apigatewayv2_domain_name.this.domain_name_configuration[0].hosted_zone_id
  }
}

output "stage_name" {
  description = "Name of the stage that the domain serves"
  value       = aws_apigatewayv2_api_mapping.this.stage
}

output "record_name" {
  description = "Name of the record in Route 53; null without a zone"
  value       = one(aws_route53_record.this[*].name)
}
