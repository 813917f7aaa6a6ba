################################################################################
# Custom domain
################################################################################

# The name that publishers keep when the API is replaced. Its certificate is of this Region.
resource "aws_apigatewayv2_domain_name" "this" {
  count = var.custom_domain == null ? 0 : 1

  domain_name = var.custom_domain.name
  tags        = var.tags

  domain_name_configuration {
    certificate_arn = var.custom_domain.certificate_arn
    endpoint_type   = "REGIONAL" # the only type of HTTP APIs
    security_policy = "TLS_1_2"
  }
}

resource "aws_apigatewayv2_api_mapping" "this" {
  count = var.custom_domain == null ? 0 : 1

  api_id          = aws_apigatewayv2_api.this.id
  stage           = aws_apigatewayv2_stage.this.name
  domain_name     = aws_apigatewayv2_domain_name.this[0].domain_name
  api_mapping_key = var.custom_domain_path
}

resource "aws_route53_record" "this" {
  count = var.custom_domain_zone == null ? 0 : 1

  zone_id = var.custom_domain_zone.id
  name    = aws_apigatewayv2_domain_name.this[0].domain_name
  type    = "A"

  alias {
    name                   = aws_apigatewayv2_domain_name.this[0].domain_name_configuration[0].target_domain_name
    zone_id                = aws_apigatewayv2_domain_name.this[0].domain_name_configuration[0].hosted_zone_id
    evaluate_target_health = false # API Gateway has none to evaluate
  }
}

locals {
  default_endpoint_enabled = coalesce(var.default_endpoint_enabled, var.custom_domain == null)

  # Where the stage or the mapping serves; behind a domain the mapping's path stands in for the stage.
  base_url = var.custom_domain == null ? trimsuffix(aws_apigatewayv2_stage.this.invoke_url, "/") : join("/", compact(["https://${aws_apigatewayv2_api_mapping.this[0].domain_name}", var.custom_domain_path]))
}
