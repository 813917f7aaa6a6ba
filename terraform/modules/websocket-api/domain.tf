################################################################################
# Custom domain
################################################################################

module "domain" {
  source = "../api-domain"
  count  = var.custom_domain == null ? 0 : 1

  api_id     = aws_apigatewayv2_api.this.id
  stage_name = aws_apigatewayv2_stage.this.name
  domain     = var.custom_domain
  path       = var.custom_domain_path
  zone       = var.custom_domain_zone
  tags       = var.tags
}

moved {
  from = aws_apigatewayv2_domain_name.this[0]
  to   = module.domain[0].aws_apigatewayv2_domain_name.this
}

moved {
  from = aws_apigatewayv2_api_mapping.this[0]
  to   = module.domain[0].aws_apigatewayv2_api_mapping.this
}

moved {
  from = aws_route53_record.this[0]
  to   = module.domain[0].aws_route53_record.this[0]
}

locals {
  # Domain and path of the mapping, without the stage: both of the address that clients connect to, and of @connections.
  custom_address = var.custom_domain == null ? null : join("/", compact([var.custom_domain.name, var.custom_domain_path]))

  # Composed of variables and the API, not of the stage or the mapping, so that functions behind them can have it in
  # their environment. While the default endpoint serves, it is the one that works before any DNS does.
  management_endpoint = var.default_endpoint_enabled ? "${replace(aws_apigatewayv2_api.this.api_endpoint, "/^ws/", "http")}/${var.stage_name}" : "https://${coalesce(local.custom_address, "none")}"
}
