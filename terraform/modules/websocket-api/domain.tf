################################################################################
# Custom domain
################################################################################

# The name that clients keep when the API is replaced. Its certificate is of this Region.
resource "aws_apigatewayv2_domain_name" "this" {
  count = var.custom_domain == null ? 0 : 1

  domain_name = var.custom_domain.name
  tags        = var.tags

  domain_name_configuration {
    certificate_arn = var.custom_domain.certificate_arn
    endpoint_type   = "REGIONAL" # the only type of WebSocket APIs
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
  # Domain and path of the mapping, without the stage: both of the address that clients connect to, and of @connections.
  custom_address = var.custom_domain == null ? null : join("/", compact([var.custom_domain.name, var.custom_domain_path]))

  # Composed of variables and the API, not of the stage or the mapping, so that functions behind them can have it in
  # their environment. While the default endpoint serves, it is the one that works before any DNS does.
  management_endpoint = var.default_endpoint_enabled ? "${replace(aws_apigatewayv2_api.this.api_endpoint, "/^ws/", "http")}/${var.stage_name}" : "https://${coalesce(local.custom_address, "none")}"
}
