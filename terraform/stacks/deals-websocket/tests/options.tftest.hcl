mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

run "functions_post_through_the_domain_where_there_is_no_default_endpoint" {
  variables {
    custom_domain            = { name = "live.example.com", certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012" }
    custom_domain_path       = "deals"
    custom_domain_zone       = { id = "Z0123456789ABCDEFGHIJ" }
    default_endpoint_enabled = false
  }

  assert {
    condition     = alltrue([for function, settings in local.functions : lookup(settings.environment, "MANAGEMENT_ENDPOINT", "https://live.example.com/deals") == "https://live.example.com/deals"]) && output.management_endpoint == "https://live.example.com/deals"
    error_message = "an endpoint that is switched off answers no post; behind a domain the path stands in for the stage"
  }

  assert {
    condition     = output.websocket_url == "wss://live.example.com/deals" && output.env.WEBSOCKET_API_GATEWAY_URL == output.websocket_url
    error_message = "clients must get the domain everywhere"
  }

  # What IAM allows is about the API and its stage, whatever name the call used.
  assert {
    condition     = endswith(local.post_to_connections, ":a1b2c3d4e5/v1/POST/@connections/*")
    error_message = "the right to post must stay that of the stage"
  }
}

run "one_function_is_tried_on_a_part_of_the_calls" {
  variables {
    canaries                = { message_router = { stable_version = "4", weight = 0.05 } }
    provisioned_concurrency = { authorizer = 3 }
  }

  assert {
    condition     = output.lambda_versions["message_router"] == "4" && output.lambda_versions["authorizer"] == "1"
    error_message = "the stable version must keep most of the calls, and functions without a canary have their newest"
  }
}

run "every_group_keeps_its_logs_for_as_long_as_asked" {
  command = plan

  variables {
    log_retention_days          = 30
    log_retention_days_by_group = { access = 90, message_router = 7 }
    access_log_class            = "INFREQUENT_ACCESS"
    access_log_fields           = { userAgent = "$context.identity.userAgent" }
    role_path                   = "/team/"
    permissions_boundary_arn    = "arn:aws:iam::123456789012:policy/boundary"
    environment_kms_key_arn     = "arn:aws:kms:eu-west-1:123456789012:key/12345678-1234-1234-1234-123456789012"
    throughput_maximums         = { connections = { reads = 4000, writes = -1 } }
    table_classes               = { messages = "STANDARD_INFREQUENT_ACCESS" }
    point_in_time_recovery_days = 7
  }
}

run "refuses_options_of_functions_groups_and_tables_that_there_are_not" {
  command = plan

  variables {
    canaries                    = { broadcaster = { stable_version = "4", weight = 0.05 } }
    provisioned_concurrency     = { redis_relay = 3 }
    log_retention_days_by_group = { api = 90 }
    throughput_maximums         = { inbox = { reads = 1, writes = 1 } }
    table_classes               = { inbox = "STANDARD" }
    point_in_time_recovery_days = 0
  }

  expect_failures = [
    var.canaries, var.provisioned_concurrency, var.log_retention_days_by_group, var.throughput_maximums, var.table_classes,
    var.point_in_time_recovery_days,
  ]
}

run "refuses_signed_code_from_this_machine" {
  command = plan

  variables {
    code_signing_config_arn = "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-0f6c334abcdea4d8b"
    role_path               = "/team"
  }

  expect_failures = [var.code_signing_config_arn, var.role_path]
}
