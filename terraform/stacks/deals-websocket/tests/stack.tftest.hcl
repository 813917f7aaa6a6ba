mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

run "stack_joins_its_parts" {
  variables {
    access_log_enabled = true
  }

  # Every route of the protocol leads to its function.
  assert {
    condition = local.routes == {
      "$connect"           = "connection_handler"
      "$default"           = "message_router"
      "$disconnect"        = "connection_handler"
      getEvents            = "message_router"
      getMessages          = "message_router"
      getPresence          = "message_router"
      getStatus            = "message_router"
      keepAlive            = null
      notificationAck      = "message_router"
      ping                 = "message_router"
      refreshToken         = "message_router"
      sendMessage          = "message_router"
      subscribeToDeals     = "message_router"
      unsubscribeFromDeals = "message_router"
    }
    error_message = "every action must have a route, or it is answered as unknown; only keepAlive goes without a function"
  }

  # Names are made of service environment and function.
  assert {
    condition     = output.function_names == { for function in ["authorizer", "broadcast", "connection_handler", "delivery", "janitor", "message_router"] : function => "deals-test-${function}" }
    error_message = "publishers and operators find the functions by these names"
  }

  assert {
    condition     = output.table_names == { for table in ["connections", "history", "limits", "messages", "revocations", "subscriptions"] : table => "deals-test-${table}" }
    error_message = "tables must be named like the functions"
  }

  assert {
    condition     = output.log_group_names.broadcast == "/aws/lambda/deals-test-broadcast" && output.log_group_names.access == "/aws/apigateway/deals-test/access"
    error_message = "log groups must be named like the functions"
  }

  # Functions get exactly the settings that they read.
  assert {
    condition = { for function, settings in local.functions : function => join(" ", sort(keys(settings.environment))) } == {
      authorizer         = "JWT_ALGORITHMS JWT_LEEWAY_SECONDS JWT_SECRET_ARN REVOCATIONS_TABLE"
      broadcast          = "CONNECTIONS_TABLE DELIVERIES_QUEUE_URL DIRECT_AUDIENCE_MAX EVENTS_DLQ_URL EVENTS_QUEUE_URL HISTORY_TABLE INDEX_BYTES_MAX MANAGEMENT_ENDPOINT MESSAGES_TABLE MESSAGE_RETENTION_DAYS POSTS_PER_SECOND SUBSCRIPTIONS_TABLE"
      connection_handler = "CONNECTIONS_TABLE MANAGEMENT_ENDPOINT MAX_CONNECTIONS_PER_USER REPLACE_OLDEST_CONNECTION SCHEDULE_PARTITIONS SUBSCRIPTIONS_TABLE"
      delivery           = "CONNECTIONS_TABLE DELIVERIES_DLQ_URL DELIVERIES_QUEUE_URL HISTORY_TABLE MANAGEMENT_ENDPOINT POSTS_PER_SECOND SUBSCRIPTIONS_TABLE"
      janitor            = "CONNECTIONS_TABLE HISTORY_TABLE MANAGEMENT_ENDPOINT POSTS_PER_SECOND PROBE_INTERVAL_SECONDS REVOCATIONS_TABLE SCHEDULE_PARTITIONS SUBSCRIPTIONS_TABLE"
      message_router     = "CONNECTIONS_TABLE DELIVERIES_QUEUE_URL HISTORY_TABLE JWT_ALGORITHMS JWT_LEEWAY_SECONDS JWT_SECRET_ARN LIMITS_TABLE LIMIT_GET_EVENTS LIMIT_NEW_FILTERS LIMIT_OTHERS LIMIT_PRESENCE LIMIT_SEND_MESSAGE LIMIT_SUBSCRIPTIONS MANAGEMENT_ENDPOINT MAX_SUBSCRIPTIONS MESSAGES_TABLE MESSAGE_RETENTION_DAYS POSTS_PER_SECOND REVOCATIONS_TABLE SUBSCRIPTIONS_TABLE TOPIC_FILTERS_MAX"
    }
    error_message = "every function must have its settings, or it does not start"
  }

  assert {
    condition = local.functions.broadcast.environment == {
      CONNECTIONS_TABLE      = "deals-test-connections"
      DELIVERIES_QUEUE_URL   = "https://sqs.eu-west-1.amazonaws.com/123456789012/deals-test-deliveries"
      DIRECT_AUDIENCE_MAX    = "100"
      EVENTS_DLQ_URL         = "https://sqs.eu-west-1.amazonaws.com/123456789012/deals-test-events-dlq"
      EVENTS_QUEUE_URL       = "https://sqs.eu-west-1.amazonaws.com/123456789012/deals-test-events"
      HISTORY_TABLE          = "deals-test-history"
      INDEX_BYTES_MAX        = "268435456"
      MANAGEMENT_ENDPOINT    = "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/v1"
      MESSAGES_TABLE         = "deals-test-messages"
      MESSAGE_RETENTION_DAYS = "30"
      POSTS_PER_SECOND       = "100"
      SUBSCRIPTIONS_TABLE    = "deals-test-subscriptions"
    }
    error_message = "each setting must be the name or address of its resource"
  }

  assert {
    condition     = local.functions.delivery.environment.DELIVERIES_DLQ_URL == "https://sqs.eu-west-1.amazonaws.com/123456789012/deals-test-deliveries-dlq"
    error_message = "pushes that cannot be posted must go to the deliveries' dead-letter queue"
  }

  # All that post share the budget, each instance equally in its function's part.
  assert {
    condition     = local.posts_per_second == { delivery = 4000, broadcast = 100, message_router = 20 }
    error_message = "two instances of delivery must share 80 % of 10,000, ten of broadcast and fifty of message_router 10 % each"
  }

  assert {
    condition     = { for function in ["broadcast", "delivery", "message_router"] : function => local.functions[function].environment.POSTS_PER_SECOND } == { broadcast = "100", delivery = "4000", message_router = "20" }
    error_message = "each function must get the share of its instances"
  }

  # Secret is written without plan and state holding it.
  assert {
    condition     = aws_secretsmanager_secret_version.jwt[0].secret_string == null && aws_secretsmanager_secret_version.jwt[0].secret_string_wo_version == 1
    error_message = "the value must be written by the write-only argument, so that plan and state do not hold it"
  }

  assert {
    condition     = alltrue([for environment in values(local.functions)[*].environment : alltrue([for value in values(environment) : !strcontains(value, "a-secret-of")])])
    error_message = "functions must get the secret's ARN, not the secret"
  }

  assert {
    condition     = !can(regex("-[^-]{6}$", aws_secretsmanager_secret.jwt[0].name))
    error_message = "a secret's name must not end in a hyphen and six characters, which look like AWS's own suffix"
  }

  # Output has the addresses for clients.
  assert {
    condition = output.env == {
      WEBSOCKET_API_GATEWAY_ID  = "a1b2c3d4e5"
      WEBSOCKET_API_GATEWAY_URL = "wss://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/v1"
    }
    error_message = "clients and tests read these two variables"
  }

  # Packages are read beside the manifest.
  assert {
    condition     = alltrue([for package in values(local.packages) : package.path == "tests/fixtures/package.zip" && package.s3_key == null])
    error_message = "files must be relative to the manifest"
  }
}

run "given_settings_reach_what_uses_them" {
  variables {
    action_limits                       = { send_message = { per_second = 0.5, burst = 20 }, others = { per_second = 100, burst = 400 } }
    max_connections_per_user            = 5
    upkeep_posts_per_second             = 50
    upkeep_probe_interval_seconds       = 1800
    posts_per_second_budget             = 2500
    direct_posts_broadcast_percent      = 20
    direct_posts_message_router_percent = 5
    reserved_concurrency                = { delivery = 7, broadcast = 3, message_router = 30 }
    maximum_concurrency                 = { delivery = 7, broadcast = 3 }
    jwt_issuer                          = "https://issuer.example"
    jwt_audience                        = "deals"
    jwt_leeway_seconds                  = 5
    jwt_secret                          = "{\"current\": \"the-new-secret-of-thirty-two-bytes-\", \"previous\": \"the-old-secret-of-thirty-two-bytes-\"}"
    jwt_secret_version                  = 2
    package_bucket                      = "packages"
    package_prefix                      = "deals/1.0.0/"
  }

  # Limits reach the functions in the format that they read.
  assert {
    condition = { for name, value in local.functions.message_router.environment : name => value if startswith(name, "LIMIT_") } == {
      LIMIT_NEW_FILTERS   = "0.01/100"
      LIMIT_OTHERS        = "100/400"
      LIMIT_PRESENCE      = "1/10"
      LIMIT_SEND_MESSAGE  = "0.5/20"
      LIMIT_SUBSCRIPTIONS = "2/60"
      LIMIT_GET_EVENTS    = "5/60"
    }
    error_message = "limits must be RATE/BURST, with defaults for missing ones"
  }

  assert {
    condition     = local.functions.connection_handler.environment.MAX_CONNECTIONS_PER_USER == "5"
    error_message = "the authorizer must get the limit of connections"
  }

  # Janitor runs each minute with its settings.
  assert {
    condition     = keys(local.schedules) == ["janitor"] && local.schedules.janitor.expression == "rate(1 minute)" && local.schedules.janitor.enabled && local.schedules.janitor.inputs == null
    error_message = "the janitor must run each minute, because no event reports expired tokens and lost connections"
  }

  assert {
    condition     = local.functions.janitor.environment.POSTS_PER_SECOND == "50" && local.functions.janitor.environment.PROBE_INTERVAL_SECONDS == "1800"
    error_message = "the janitor must get its settings"
  }

  # Shares of the budget never exceed it.
  assert {
    condition     = local.posts_per_second == { delivery = 267, broadcast = 166, message_router = 4 } && 7 * 267 + 3 * 166 + 30 * 4 <= var.posts_per_second_budget
    error_message = "the shares must not exceed the budget"
  }

  # Given issuer and audience reach the functions.
  assert {
    condition     = local.jwt_environment.JWT_ISSUER == "https://issuer.example" && local.jwt_environment.JWT_AUDIENCE == "deals" && local.jwt_environment.JWT_LEEWAY_SECONDS == "5"
    error_message = "the functions must get issuer and audience"
  }

  # Rotation accepts two keys.
  assert {
    condition     = aws_secretsmanager_secret_version.jwt[0].secret_string_wo_version == 2
    error_message = "a new version number must write the new value"
  }

  # Packages are read from the given bucket.
  assert {
    condition     = alltrue([for package in values(local.packages) : package.path == null && package.s3_bucket == "packages" && package.s3_key == "deals/1.0.0/package.zip"])
    error_message = "the key must be the prefix and the file's name"
  }
}

run "reservation_above_the_queues_concurrency_counts_in_full" {
  command = plan

  variables {
    reserved_concurrency = { delivery = 10 }
    maximum_concurrency  = { delivery = 2 }
  }

  assert {
    condition     = local.posts_per_second.delivery * var.reserved_concurrency.delivery <= var.posts_per_second_budget
    error_message = "the shares must count the whole reservation"
  }
}

run "local_cloud_gets_its_own_addresses" {
  variables {
    stage_name = "v2"
    local_endpoints = {
      websocket_url       = "ws://127.0.0.1:4566/_aws/execute-api/{api_id}/{stage}"
      management_endpoint = "http://127.0.0.1:4566/_aws/execute-api/{api_id}/{stage}"
      redis_url           = null
    }
  }

  assert {
    condition     = output.websocket_url == "ws://127.0.0.1:4566/_aws/execute-api/a1b2c3d4e5/v2" && output.management_endpoint == "http://127.0.0.1:4566/_aws/execute-api/a1b2c3d4e5/v2"
    error_message = "the endpoint must be the local cloud's address, which no event carries"
  }

  assert {
    condition     = local.functions.delivery.environment.MANAGEMENT_ENDPOINT == output.management_endpoint
    error_message = "the functions must post to the endpoint of the output"
  }
}

run "a_killed_functions_message_goes_on_within_a_minute" {
  command = plan

  assert {
    condition     = local.timeouts_seconds.broadcast == 30 && local.timeouts_seconds.delivery == 30
    error_message = "the code counts on these: the claim of an event and the reserve of delivery"
  }

  assert {
    condition     = module.fan_out.visibility_timeouts_seconds == { deliveries = 45, events = 45 }
    error_message = "an event that was accepted must reach everybody 90 seconds after its function was killed"
  }

  assert {
    condition     = alltrue([for function, trigger in local.sqs_triggers : trigger.visibility_timeout_seconds > local.timeouts_seconds[function] && trigger.maximum_concurrency != null])
    error_message = "without a maximum_concurrency a mapping receives more than it may invoke, and the short visibility timeout would use up the attempts"
  }
}

run "janitors_work_is_shared_between_invocations" {
  command = plan

  variables {
    upkeep_posts_per_second    = 5000
    upkeep_shares              = 3
    upkeep_schedule_partitions = 64
  }

  assert {
    condition     = [for input in local.schedules.janitor.inputs : jsondecode(input)] == [for share in [0, 1, 2] : { share = share, of = 3 }]
    error_message = "each invocation must have a share of its own, and all together the whole"
  }

  assert {
    condition     = local.functions.janitor.environment.POSTS_PER_SECOND == "1666"
    error_message = "the shares together must keep to the budget"
  }

  assert {
    condition     = alltrue([for function in ["connection_handler", "janitor"] : local.functions[function].environment.SCHEDULE_PARTITIONS == "64"])
    error_message = "what is written to a partition must be read by the janitor"
  }
}

run "this_checkout" {
  module {
    source = "./tests/checkout"
  }
}

run "zips_have_the_same_path_in_every_checkout" {
  command = plan

  variables {
    packages_manifest = run.this_checkout.manifest
  }

  assert {
    condition     = startswith(var.packages_manifest, "/") && alltrue([for package in values(local.packages) : package.path == "tests/fixtures/package.zip"])
    error_message = "an absolute path in the state would change all functions in a plan from another folder"
  }
}

run "zips_beside_the_root_are_told_from_it" {
  command = plan

  variables {
    packages_manifest = "../../stacks/deals-websocket/../deals-websocket/tests/fixtures/manifest.json"
  }

  assert {
    condition     = local.packages["broadcast"].path == "tests/fixtures/package.zip"
    error_message = "a path must not depend on how it is written"
  }
}
