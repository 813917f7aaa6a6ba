mock_provider "aws" {
  source = "../../mocks"

  mock_resource "aws_apigatewayv2_authorizer" {
    defaults = { id = "auth01" }
  }

  mock_resource "aws_apigatewayv2_deployment" {
    defaults = { id = "dep001" }
  }
}

variables {
  name        = "deals-test"
  description = "test"
  stage_name  = "v1"
  authorizer = {
    name       = "deals-test-authorizer"
    qualifier  = "live"
    invoke_arn = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:deals-test-authorizer:live/invocations"
  }
  routes = {
    "$connect" = {
      function = {
        name       = "deals-test-connection_handler"
        qualifier  = "live"
        invoke_arn = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:deals-test-connection_handler:live/invocations"
      }
    }
  }
  custom_domain = {
    name            = "live.example.com"
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
  }
}

run "without_a_domain_clients_and_functions_use_the_default_endpoint" {
  command = plan

  variables {
    custom_domain = null
  }

  assert {
    condition     = length(module.domain) == 0 && !aws_apigatewayv2_api.this.disable_execute_api_endpoint
    error_message = "nothing of a domain must exist"
  }
}

run "clients_connect_to_the_domain_while_functions_stay_with_the_default_endpoint" {
  assert {
    condition     = output.websocket_url == "wss://live.example.com"
    error_message = "clients must get the domain"
  }

  assert {
    condition     = output.management_endpoint == "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/v1"
    error_message = "posting must not wait for DNS while the default endpoint serves"
  }

  assert {
    condition     = module.domain[0].record_name == null
    error_message = "a record needs a zone"
  }
}

run "without_the_default_endpoint_functions_post_to_domain_and_path_without_the_stage" {
  variables {
    custom_domain_path       = "deals"
    default_endpoint_enabled = false
  }

  assert {
    condition     = output.management_endpoint == "https://live.example.com/deals"
    error_message = "behind a domain the mapping's path stands in for the stage"
  }

  assert {
    condition     = output.websocket_url == "wss://live.example.com/deals"
    error_message = "clients connect to the mapping"
  }

  assert {
    condition     = aws_apigatewayv2_api.this.disable_execute_api_endpoint && output.deployment_triggers.default_endpoint == "off"
    error_message = "API Gateway stops serving the default endpoint with a deployment after it was switched off"
  }
}

run "zone_gets_an_alias_of_the_domain" {
  variables {
    custom_domain_zone = { id = "Z0123456789ABCDEFGHIJ" }
  }

  assert {
    condition     = module.domain[0].record_name == "live.example.com" && output.custom_domain_target == module.domain[0].target
    error_message = "the zone must get the record of the domain"
  }
}

run "mapping_leads_to_the_stage" {
  assert {
    condition     = module.domain[0].stage_name == "v1" && module.domain[0].address == "live.example.com"
    error_message = "the domain must lead to the stage"
  }
}

run "access_log_takes_further_fields_and_a_class" {
  variables {
    access_log_enabled = true
    access_log_class   = "INFREQUENT_ACCESS"
    access_log_fields  = { userAgent = "$context.identity.userAgent" }
    role_path          = "/team/"
  }

  assert {
    condition     = jsondecode(local.access_log_format).userAgent == "$context.identity.userAgent" && jsondecode(local.access_log_format).status == "$context.status"
    error_message = "fields must be added to the usual ones"
  }

  assert {
    condition     = aws_cloudwatch_log_group.access[0].log_group_class == "INFREQUENT_ACCESS"
    error_message = "the group must have the class"
  }
}

run "logging_role_has_the_organisations_path_and_boundary" {
  variables {
    manage_account_logging_role = true
    role_path                   = "/team/"
    permissions_boundary_arn    = "arn:aws:iam::123456789012:policy/boundary"
  }

  assert {
    condition     = aws_iam_role.logging[0].path == "/team/" && aws_iam_role.logging[0].permissions_boundary == "arn:aws:iam::123456789012:policy/boundary"
    error_message = "every role must have what the organisation asks for"
  }
}

run "refuses_a_url_as_domain" {
  command = plan

  variables {
    custom_domain = { name = "wss://live.example.com", certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1" }
  }

  expect_failures = [var.custom_domain]
}

run "refuses_a_certificate_that_is_no_arn_of_acm" {
  command = plan

  variables {
    custom_domain = { name = "live.example.com", certificate_arn = "arn:aws:iam::123456789012:server-certificate/live" }
  }

  expect_failures = [var.custom_domain]
}

run "refuses_a_path_with_a_slash" {
  command = plan

  variables {
    custom_domain_path = "deals/v1"
  }

  expect_failures = [var.custom_domain_path]
}

run "refuses_path_zone_and_no_default_endpoint_without_a_domain" {
  command = plan

  variables {
    custom_domain            = null
    custom_domain_path       = "deals"
    custom_domain_zone       = { id = "Z0123456789ABCDEFGHIJ" }
    default_endpoint_enabled = false
  }

  expect_failures = [var.custom_domain_path, var.custom_domain_zone, var.default_endpoint_enabled]
}

run "refuses_unknown_class_quoted_field_and_open_path" {
  command = plan

  variables {
    access_log_class  = "CHEAP"
    access_log_fields = { userAgent = "\"$context.identity.userAgent\"" }
    role_path         = "team"
  }

  expect_failures = [var.access_log_class, var.access_log_fields, var.role_path]
}
