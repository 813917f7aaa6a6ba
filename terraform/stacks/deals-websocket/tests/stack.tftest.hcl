mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

run "every_route_of_the_protocol_leads_to_its_function" {
  command = plan

  assert {
    condition = local.routes == {
      "$connect"           = "connection_handler"
      "$default"           = "message_router"
      "$disconnect"        = "connection_handler"
      getMessages          = "message_router"
      getStatus            = "message_router"
      notificationAck      = "message_router"
      ping                 = "message_router"
      refreshToken         = "message_router"
      sendMessage          = "message_router"
      subscribeToDeals     = "message_router"
      unsubscribeFromDeals = "message_router"
    }
    error_message = "an action without a route is answered as unknown"
  }
}

run "names_are_made_of_service_environment_and_function" {
  command = plan

  assert {
    condition     = output.function_names == { for function in ["authorizer", "broadcast", "connection_handler", "delivery", "janitor", "message_router"] : function => "deals-test-${function}" }
    error_message = "publishers and operators find functions by these names"
  }

  assert {
    condition     = output.table_names == { for table in ["connections", "history", "limits", "messages", "revocations", "subscriptions"] : table => "deals-test-${table}" }
    error_message = "tables are named alike"
  }

  assert {
    condition     = output.log_group_names.broadcast == "/aws/lambda/deals-test-broadcast" && output.log_group_names.access == "/aws/apigateway/deals-test/access"
    error_message = "logs are found by the same names"
  }
}

run "functions_are_told_exactly_what_their_settings_ask_for" {
  assert {
    condition = { for function, settings in local.functions : function => join(" ", sort(keys(settings.environment))) } == {
      authorizer         = "CONNECTIONS_TABLE JWT_ALGORITHMS JWT_LEEWAY_SECONDS JWT_SECRET_ARN MAX_CONNECTIONS_PER_USER REVOCATIONS_TABLE"
      broadcast          = "CONNECTIONS_TABLE DELIVERIES_QUEUE_URL DIRECT_AUDIENCE_MAX EVENTS_DLQ_URL HISTORY_TABLE MANAGEMENT_ENDPOINT MESSAGES_TABLE MESSAGE_RETENTION_DAYS SUBSCRIPTIONS_TABLE"
      connection_handler = "CONNECTIONS_TABLE SUBSCRIPTIONS_TABLE"
      delivery           = "CONNECTIONS_TABLE DELIVERIES_DLQ_URL DELIVERIES_QUEUE_URL HISTORY_TABLE MANAGEMENT_ENDPOINT POSTS_PER_SECOND SUBSCRIPTIONS_TABLE"
      janitor            = "CONNECTIONS_TABLE HISTORY_TABLE MANAGEMENT_ENDPOINT POSTS_PER_SECOND PROBE_INTERVAL_SECONDS REVOCATIONS_TABLE SUBSCRIPTIONS_TABLE"
      message_router     = "CONNECTIONS_TABLE DELIVERIES_QUEUE_URL HISTORY_TABLE JWT_ALGORITHMS JWT_LEEWAY_SECONDS JWT_SECRET_ARN LIMITS_TABLE LIMIT_OTHERS LIMIT_SEND_MESSAGE LIMIT_SUBSCRIPTIONS MANAGEMENT_ENDPOINT MAX_SUBSCRIPTIONS MESSAGES_TABLE MESSAGE_RETENTION_DAYS REVOCATIONS_TABLE SUBSCRIPTIONS_TABLE"
    }
    error_message = "a function without a setting does not start"
  }

  assert {
    condition = local.functions.broadcast.environment == {
      CONNECTIONS_TABLE      = "deals-test-connections"
      DELIVERIES_QUEUE_URL   = "https://sqs.eu-west-1.amazonaws.com/123456789012/deals-test-deliveries"
      DIRECT_AUDIENCE_MAX    = "100"
      EVENTS_DLQ_URL         = "https://sqs.eu-west-1.amazonaws.com/123456789012/deals-test-events-dlq"
      HISTORY_TABLE          = "deals-test-history"
      MANAGEMENT_ENDPOINT    = "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/v1"
      MESSAGES_TABLE         = "deals-test-messages"
      MESSAGE_RETENTION_DAYS = "30"
      SUBSCRIPTIONS_TABLE    = "deals-test-subscriptions"
    }
    error_message = "each setting is its own thing's name or address"
  }

  assert {
    condition     = local.functions.delivery.environment.DELIVERIES_DLQ_URL == "https://sqs.eu-west-1.amazonaws.com/123456789012/deals-test-deliveries-dlq"
    error_message = "what cannot be posted goes to the deliveries' dead letters"
  }
}

run "limits_reach_the_functions_as_their_settings_read_them" {
  command = plan

  variables {
    action_limits            = { send_message = { per_second = 0.5 }, others = { per_second = 100, burst = 400 } }
    max_connections_per_user = 5
  }

  assert {
    condition = { for name, value in local.functions.message_router.environment : name => value if startswith(name, "LIMIT_") } == {
      LIMIT_OTHERS        = "100/400"
      LIMIT_SEND_MESSAGE  = "0.5/20"
      LIMIT_SUBSCRIPTIONS = "2/20"
    }
    error_message = "RATE/BURST, with the default for what is left out"
  }

  assert {
    condition     = local.functions.authorizer.environment.MAX_CONNECTIONS_PER_USER == "5"
    error_message = "the authorizer refuses the sixth"
  }
}

run "the_janitor_runs_each_minute_as_it_is_told" {
  command = plan

  variables {
    upkeep = { posts_per_second = 50, probe_interval_seconds = 1800 }
  }

  assert {
    condition     = local.schedules == { janitor = { expression = "rate(1 minute)", enabled = true } }
    error_message = "expired tokens and lost connections are nobody's event, so a clock looks after them"
  }

  assert {
    condition     = local.functions.janitor.environment.POSTS_PER_SECOND == "50" && local.functions.janitor.environment.PROBE_INTERVAL_SECONDS == "1800"
    error_message = "what is configured reaches the function"
  }
}

run "delivery_may_spend_the_budget_in_equal_shares" {
  command = plan

  assert {
    condition     = local.functions.delivery.environment.POSTS_PER_SECOND == "5000"
    error_message = "two instances, as many as the queue's mapping starts, share 10,000"
  }
}

run "instances_times_rate_never_pass_the_budget" {
  command = plan

  variables {
    posts_per_second_budget = 2500
    reserved_concurrency    = { delivery = 7 }
    maximum_concurrency     = { delivery = 7 }
  }

  assert {
    condition     = local.functions.delivery.environment.POSTS_PER_SECOND == "357" && 7 * local.posts_per_second <= var.posts_per_second_budget
    error_message = "what does not divide evenly is left over, not overspent"
  }
}

run "a_reservation_wider_than_the_queue_counts_in_full" {
  command = plan

  variables {
    reserved_concurrency = { delivery = 10 }
    maximum_concurrency  = { delivery = 2 }
  }

  assert {
    condition     = local.posts_per_second * var.reserved_concurrency.delivery <= var.posts_per_second_budget
    error_message = "whoever else invokes delivery keeps to the budget too"
  }
}

run "issuer_and_audience_are_checked_where_given" {
  command = plan

  variables {
    jwt = { issuer = "https://issuer.example", audience = "deals", leeway_seconds = 5 }
  }

  assert {
    condition     = local.jwt_environment.JWT_ISSUER == "https://issuer.example" && local.jwt_environment.JWT_AUDIENCE == "deals" && local.jwt_environment.JWT_LEEWAY_SECONDS == "5"
    error_message = "what is configured reaches the functions"
  }
}

run "the_secret_is_written_and_not_kept" {
  assert {
    condition     = aws_secretsmanager_secret_version.jwt[0].secret_string == null && aws_secretsmanager_secret_version.jwt[0].secret_string_wo_version == 1
    error_message = "the value goes by the write-only argument, into neither plan nor state"
  }

  assert {
    condition     = alltrue([for environment in values(local.functions)[*].environment : alltrue([for value in values(environment) : !strcontains(value, "a-secret-of")])])
    error_message = "functions are told where the secret is, not what it is"
  }

  assert {
    condition     = !can(regex("-[^-]{6}$", aws_secretsmanager_secret.jwt[0].name))
    error_message = "Secrets Manager reads a hyphen and six characters at the end as its own suffix"
  }
}

run "two_keys_are_taken_while_rotating" {
  variables {
    jwt_secret         = "{\"current\": \"the-new-secret-of-thirty-two-bytes-\", \"previous\": \"the-old-secret-of-thirty-two-bytes-\"}"
    jwt_secret_version = 2
  }

  assert {
    condition     = aws_secretsmanager_secret_version.jwt[0].secret_string_wo_version == 2
    error_message = "a new version number writes the new value"
  }
}

run "clients_are_told_where_to_connect" {
  assert {
    condition = output.env == {
      WEBSOCKET_API_GATEWAY_ID  = "a1b2c3d4e5"
      WEBSOCKET_API_GATEWAY_URL = "wss://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/v1"
    }
    error_message = "clients and tests take these two variables"
  }
}

run "a_local_cloud_gets_its_own_addresses" {
  variables {
    stage_name = "v2"
    local_endpoints = {
      websocket_url       = "ws://127.0.0.1:4566/_aws/execute-api/{api_id}/{stage}"
      management_endpoint = "http://127.0.0.1:4566/_aws/execute-api/{api_id}/{stage}"
    }
  }

  assert {
    condition     = output.websocket_url == "ws://127.0.0.1:4566/_aws/execute-api/a1b2c3d4e5/v2" && output.management_endpoint == "http://127.0.0.1:4566/_aws/execute-api/a1b2c3d4e5/v2"
    error_message = "no event knows the local cloud's address, so it is put together here"
  }

  assert {
    condition     = local.functions.delivery.environment.MANAGEMENT_ENDPOINT == output.management_endpoint
    error_message = "the functions post where the output says"
  }
}

run "packages_come_from_beside_the_manifest" {
  command = plan

  assert {
    condition     = alltrue([for package in values(local.packages) : package.path == "tests/fixtures/package.zip" && package.s3_key == null])
    error_message = "a file is relative to its manifest"
  }
}

run "packages_come_from_s3_where_a_bucket_is_given" {
  command = plan

  variables {
    package_bucket = "packages"
    package_prefix = "deals/1.0.0/"
  }

  assert {
    condition     = alltrue([for package in values(local.packages) : package.path == null && package.s3_bucket == "packages" && package.s3_key == "deals/1.0.0/package.zip"])
    error_message = "the key is the prefix and the file's name"
  }
}
