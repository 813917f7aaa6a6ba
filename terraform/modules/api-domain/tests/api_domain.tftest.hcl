mock_provider "aws" {
  source = "../../mocks"
}

variables {
  api_id     = "a1b2c3d4e5"
  stage_name = "v1"
  domain     = { name = "live.example.com", certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012" }
}

run "domain_asks_for_tls_1_2_and_serves_the_stage" {
  assert {
    condition     = aws_apigatewayv2_domain_name.this.domain_name_configuration[0].security_policy == "TLS_1_2" && aws_apigatewayv2_domain_name.this.domain_name_configuration[0].endpoint_type == "REGIONAL"
    error_message = "older protocols are refused, and API Gateway has no other type for these APIs"
  }

  assert {
    condition     = aws_apigatewayv2_api_mapping.this.stage == "v1" && aws_apigatewayv2_api_mapping.this.api_id == "a1b2c3d4e5" && output.address == "live.example.com"
    error_message = "the domain must serve this stage"
  }

  assert {
    condition     = length(aws_route53_record.this) == 0
    error_message = "a record needs a zone"
  }
}

run "record_is_an_alias_of_what_api_gateway_made" {
  variables {
    path = "deals"
    zone = { id = "Z0123456789ABCDEFGHIJ" }
  }

  assert {
    condition     = aws_route53_record.this[0].zone_id == "Z0123456789ABCDEFGHIJ" && aws_route53_record.this[0].name == "live.example.com" && aws_route53_record.this[0].type == "A" && aws_route53_record.this[0].alias[0].name == output.target.domain_name
    error_message = "the record must lead to the domain's target"
  }

  assert {
    condition     = aws_apigatewayv2_api_mapping.this.api_mapping_key == "deals" && output.address == "live.example.com/deals"
    error_message = "the path must lead to the stage"
  }
}
