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
  default_endpoint_enabled = coalesce(var.default_endpoint_enabled, var.custom_domain == null)

  # Where the stage or the mapping serves; behind a domain the mapping's path stands in for the stage.
  base_url = var.custom_domain == null ? trimsuffix(aws_apigatewayv2_stage.this.invoke_url, "/") : "https://${module.domain[0].address}"
}
