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

  assert {
    condition     = local.log_retention_days.access == 90 && local.log_retention_days.message_router == 7 && local.log_retention_days.authorizer == 30
    error_message = "named groups must keep their logs for as long as asked, and the others for as long as usual"
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

run "inboxes_of_another_region_are_read_by_its_replica_and_key" {
  variables {
    existing_messages_table             = { arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-virginia-messages" }
    existing_messages_table_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/replica"
  }

  assert {
    condition     = output.table_names.messages == "deals-virginia-messages" && local.functions["message_router"].environment.MESSAGES_TABLE == "deals-virginia-messages"
    error_message = "the functions must read and write the replica"
  }

  assert {
    condition     = one(local.permissions["message_router"].KeepMessages.resources) == "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-virginia-messages"
    error_message = "the right is that to the replica"
  }

  assert {
    condition     = toset([for function, statements in local.key_permissions : function if can(statements.UseKeys)]) == toset(["broadcast", "message_router"]) && one(local.key_permissions["broadcast"].UseKeys.resources) == "arn:aws:kms:eu-west-1:123456789012:key/replica"
    error_message = "who reads and writes inboxes needs the replica's key, and nobody else"
  }
}

run "capacity_and_replicas_reach_the_tables" {
  command = plan

  variables {
    provisioned_capacity = { connections = { reads_min = 50, reads_max = 4000, writes_min = 20, writes_max = 2000, utilization_percent = 70 } }
    table_tags           = { messages = { Backup = "daily" } }
    messages_replicas    = { eu-central-1 = { kms_key_arn = null } }
  }

  assert {
    condition     = keys(output.messages_replica_arns) == ["eu-central-1"]
    error_message = "the other Region's deployment needs the replica's ARN"
  }
}

run "refuses_a_key_of_a_table_that_is_made_here" {
  command = plan

  variables {
    existing_messages_table_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/replica"
  }

  expect_failures = [var.existing_messages_table_kms_key_arn]
}

run "refuses_a_replica_in_its_own_region" {
  command = plan

  variables {
    messages_replicas = { eu-west-1 = { kms_key_arn = null } }
  }

  expect_failures = [var.messages_replicas]
}

run "refuses_capacity_and_tags_of_tables_that_there_are_not" {
  command = plan

  variables {
    provisioned_capacity = { inbox = { reads_min = 1, reads_max = 1, writes_min = 1, writes_max = 1, utilization_percent = 70 } }
    table_tags           = { inbox = {} }
  }

  expect_failures = [var.provisioned_capacity, var.table_tags]
}

run "refuses_a_queue_whose_instances_have_no_part_of_the_budget" {
  command = plan

  variables {
    posts_per_second_budget = 500
    event_queues            = { shop = { arn = "arn:aws:sqs:eu-west-1:123456789012:shop-deals", visibility_timeout_seconds = 60, maximum_concurrency = 200, kms_key_arn = null } }
  }

  expect_failures = [var.posts_per_second_budget]
}

run "refuses_a_queue_that_takes_more_instances_than_are_reserved" {
  command = plan

  variables {
    reserved_concurrency = { broadcast = 20 }
    event_queues         = { shop = { arn = "arn:aws:sqs:eu-west-1:123456789012:shop-deals", visibility_timeout_seconds = 60, maximum_concurrency = 15, kms_key_arn = null } }
  }

  expect_failures = [var.event_queues]
}

run "queue_of_another_account_feeds_broadcast_within_the_budget" {
  variables {
    event_queues = { shop = { arn = "arn:aws:sqs:eu-west-1:210987654321:shop-deals", visibility_timeout_seconds = 60, maximum_concurrency = 40, kms_key_arn = "arn:aws:kms:eu-west-1:210987654321:key/shop" } }
  }

  assert {
    condition     = strcontains(output.function_policies.broadcast, "arn:aws:sqs:eu-west-1:210987654321:shop-deals") && !strcontains(output.function_policies.delivery, "shop")
    error_message = "broadcast alone may receive from it"
  }

  assert {
    condition     = jsonencode(local.key_permissions["broadcast"].UseKeysOfEventQueues) == jsonencode({ actions = ["kms:Decrypt"], resources = ["arn:aws:kms:eu-west-1:210987654321:key/shop"], conditions = [{ test = "StringEquals", variable = "kms:ViaService", values = ["sqs.eu-west-1.amazonaws.com"] }] })
    error_message = "what the queue's key encrypted must be readable, and nothing be encrypted with it"
  }

  assert {
    condition     = local.posting_instances_max.broadcast == 50
    error_message = "instances that this queue occupies share the budget of posts"
  }
}

run "refuses_queues_of_another_region_first_in_first_out_or_too_short" {
  command = plan

  variables {
    event_queues = {
      far   = { arn = "arn:aws:sqs:us-east-1:123456789012:far", visibility_timeout_seconds = 60, maximum_concurrency = 4, kms_key_arn = null }
      order = { arn = "arn:aws:sqs:eu-west-1:123456789012:order.fifo", visibility_timeout_seconds = 20, maximum_concurrency = 1, kms_key_arn = "alias/shop" }
    }
  }

  expect_failures = [var.event_queues]
}

run "refuses_signed_code_from_this_machine" {
  command = plan

  variables {
    code_signing_config_arn = "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-0f6c334abcdea4d8b"
    role_path               = "/team"
  }

  expect_failures = [var.code_signing_config_arn, var.role_path]
}
