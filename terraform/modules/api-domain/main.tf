# The name that clients keep when the API is replaced. Its certificate is of this Region.
resource "aws_apigatewayv2_domain_name" "this" {
  domain_name = var.domain.name
  tags        = var.tags

  domain_name_configuration {
    certificate_arn = var.domain.certificate_arn
    endpoint_type   = "REGIONAL" # the only type of WebSocket and HTTP APIs
    security_policy = "TLS_1_2"
  }
}

resource "aws_apigatewayv2_api_mapping" "this" {
  api_id          = var.api_id
  stage           = var.stage_name
  domain_name     = aws_apigatewayv2_domain_name.this.domain_name
  api_mapping_key = var.path
}

resource "aws_route53_record" "this" {
  count = var.zone == null ? 0 : 1

  zone_id = var.zone.id
  name    = aws_apigatewayv2_domain_name.this.domain_name
  type    = "A"

  alias {
    name                   = aws_apigatewayv2_domain_name.this.domain_name_configuration[0].target_domain_name
    zone_id                = aws_apigatewayv2_domain_name.this.domain_name_configuration[0].hosted_zone_id
    evaluate_target_health = false # API Gateway has none to evaluate
  }
}
