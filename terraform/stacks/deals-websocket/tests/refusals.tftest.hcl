# Each input that cannot work is refused at the plan, with a message that names the variable and the remedy.
mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

run "refuses_each_of_these_values_1" {
  command = plan

  variables {
    # A name in capitals.
    name = "Deals"

    # A prefix without a bucket.
    package_prefix = "deals/"

    # An unknown log level.
    log_level = "TRACE"

    # Unknown algorithms.
    jwt_algorithms = ["HS512"]

    # Zero connections for a user.
    max_connections_per_user = 0

    # A rate of zero.
    action_limits = { send_message = { per_second = 0, burst = 20 } }

    # Version zero of the secret.
    jwt_secret_version = 0

    # A recovery window of one day.
    jwt_secret_recovery_window_days = 1

    # A key without an existing secret.
    existing_jwt_secret_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/2"

    # A direct audience that needs pacing.
    direct_audience_max = 1001

    # Zero subscriptions for a connection.
    max_subscriptions = 0

    # A message retention of zero.
    message_retention_days = 0

    # Local endpoints without placeholders.
    local_endpoints = { websocket_url = "ws://127.0.0.1:4566", management_endpoint = "http://127.0.0.1:4566", redis_url = null }

    # An alias for a key.
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:alias/deals"

    # An upkeep budget above the account's limit.
    upkeep_posts_per_second = 10001

    # A sampling share above 1.
    log_sample_rate = 5

    # An unknown tracing mode.
    tracing = "On"

    # No filter at all for a topic.
    topic_filters_max = 0

    # A matching index without room for one long filter.
    filter_index_bytes_max = 999999
  }

  expect_failures = [
    var.name,
    var.package_prefix,
    var.log_level,
    var.jwt_algorithms,
    var.max_connections_per_user,
    var.action_limits,
    var.jwt_secret_version,
    var.jwt_secret_recovery_window_days,
    var.existing_jwt_secret_kms_key_arn,
    var.direct_audience_max,
    var.max_subscriptions,
    var.message_retention_days,
    var.local_endpoints,
    var.kms_key_arn,
    var.upkeep_posts_per_second,
    var.log_sample_rate,
    var.tracing,
    var.topic_filters_max,
    var.filter_index_bytes_max,
  ]
}

# Runs of their own: the budget's rules read other variables, and are not looked at while one of those is refused.
run "refuses_a_posting_budget_below_one_for_each_instance" {
  command = plan

  variables {
    posts_per_second_budget = 1
  }

  expect_failures = [var.posts_per_second_budget]
}

run "refuses_a_fractional_posting_budget" {
  command = plan

  variables {
    posts_per_second_budget = 10000.5
  }

  expect_failures = [var.posts_per_second_budget]
}

run "refuses_each_of_these_values_2" {
  command = plan

  variables {
    # An environment that ends in a hyphen.
    environment = "test-"

    # Public key algorithms without the issuer's keys.
    jwt_algorithms = ["HS256", "RS256"]

    # A rate with too many decimals.
    action_limits = { others = { per_second = 0.0015, burst = 40 } }

    # More subscriptions than the protocol allows.
    max_subscriptions = 51

    # A message retention above a year.
    message_retention_days = 366

    # Probes more often than the janitor runs.
    upkeep_probe_interval_seconds = 59

    # A hundred thousand filters of a topic, and one.
    topic_filters_max = 100001

    # A matching index as large as the function's memory.
    memory_mb              = { broadcast = 256 }
    filter_index_bytes_max = 268435456
  }

  expect_failures = [
    var.environment,
    var.jwt_jwks_url,
    var.action_limits,
    var.max_subscriptions,
    var.message_retention_days,
    var.upkeep_probe_interval_seconds,
    var.topic_filters_max,
    var.filter_index_bytes_max,
  ]
}

run "refuses_each_of_these_values_3" {
  command = plan

  variables {
    # Names that leave no room for the functions.
    name        = "deals-with-a-name-of-quite-some-length"
    environment = "staging"

    # An issuer's keys without a public key algorithm.
    jwt_jwks_url = "https://issuer.example/jwks.json"

    # A burst of zero.
    action_limits = { subscriptions = { per_second = 2, burst = 0 } }
  }

  expect_failures = [
    var.environment,
    var.jwt_jwks_url,
    var.action_limits,
  ]
}

run "refuses_each_of_these_values_4" {
  command = plan

  variables {
    # A manifest that was not built.
    packages_manifest = "tests/fixtures/absent.json"

    # An issuer's keys over plain HTTP.
    jwt_algorithms = ["HS256", "ES256"]
    jwt_jwks_url   = "http://issuer.example/jwks.json"
  }

  expect_failures = [
    var.packages_manifest,
    var.jwt_jwks_url,
  ]
}

run "refuses_each_of_these_values_5" {
  command = plan

  variables {
    # A manifest without all packages.
    packages_manifest = "tests/fixtures/incomplete.json"

    # Plain HTTP to a host that only starts like localhost.
    jwt_algorithms = ["HS256", "ES256"]
    jwt_jwks_url   = "http://127.0.0.1.issuer.example/jwks.json"
  }

  expect_failures = [
    var.packages_manifest,
    var.jwt_jwks_url,
  ]
}

run "refuses_a_secret_without_hs256" {
  command = plan

  variables {
    jwt_algorithms = ["ES256"]
    jwt_jwks_url   = "https://issuer.example/jwks.json"
  }

  expect_failures = [var.jwt_secret]
}

run "refuses_hs256_without_a_secret" {
  command = plan

  variables {
    jwt_algorithms = ["HS256", "ES256"]
    jwt_jwks_url   = "https://issuer.example/jwks.json"
    jwt_secret     = null
  }

  expect_failures = [var.jwt_secret]
}

run "refuses_an_empty_list_of_algorithms" {
  command = plan

  variables {
    jwt_algorithms = []
  }

  expect_failures = [var.jwt_algorithms]
}

run "refuses_a_leeway_above_five_minutes" {
  command = plan

  variables {
    jwt_leeway_seconds = 301
  }

  expect_failures = [var.jwt_leeway_seconds]
}

run "refuses_a_scope_of_two_words" {
  command = plan

  variables {
    jwt_scope = "openid websocket"
  }

  expect_failures = [var.jwt_scope]
}

run "refuses_the_claim_of_something_that_is_not_read" {
  command = plan

  variables {
    jwt_claims = { topcs = "deals/topics" }
  }

  expect_failures = [var.jwt_claims]
}

run "refuses_a_claim_without_a_name" {
  command = plan

  variables {
    jwt_claims = { topics = "" }
  }

  expect_failures = [var.jwt_claims]
}

run "refuses_two_sources_of_the_secret" {
  command = plan

  variables {
    existing_jwt_secret = { arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:issuer-AbCdEf" }
  }

  expect_failures = [var.jwt_secret]
}

run "refuses_to_plan_without_a_secret" {
  command = plan

  variables {
    jwt_secret = null
  }

  expect_failures = [var.jwt_secret]
}

run "refuses_a_secret_of_31_bytes" {
  command = plan

  variables {
    jwt_secret = "0123456789012345678901234567890"
  }

  expect_failures = [var.jwt_secret]
}

run "refuses_a_short_previous_secret" {
  command = plan

  variables {
    jwt_secret = "{\"current\": \"too-short-and-in-json-nevertheless\", \"previous\": \"short\"}"
  }

  expect_failures = [var.jwt_secret]
}

run "refuses_a_previous_secret_without_a_current_one" {
  command = plan

  variables {
    jwt_secret = "{\"previous\": \"the-old-secret-of-thirty-two-bytes-\"}"
  }

  expect_failures = [var.jwt_secret]
}

run "refuses_an_unknown_field_in_the_secret" {
  command = plan

  variables {
    jwt_secret = "{\"current\": \"the-new-secret-of-thirty-two-bytes-\", \"next\": \"x\"}"
  }

  expect_failures = [var.jwt_secret]
}

run "refuses_each_of_these_values_6" {
  command = plan

  variables {
    # Throttling of an unknown route.
    route_throttling = { subscribe = { rate_limit = 10, burst_limit = 10 } }

    # A log level of an unknown function.
    log_levels = { router = "DEBUG" }

    # An unknown threshold.
    alarm_thresholds = { conections = 5 }
  }

  expect_failures = [
    var.route_throttling,
    var.log_levels,
    var.alarm_thresholds,
  ]
}

run "refuses_an_unknown_log_level_of_a_function" {
  command = plan

  variables {
    log_levels = { delivery = "LOUD" }
  }

  expect_failures = [var.log_levels]
}

run "refuses_more_shares_than_partitions" {
  command = plan

  variables {
    upkeep_shares = 9
  }

  expect_failures = [var.upkeep_shares]
}

run "refuses_fewer_partitions_than_there_were" {
  command = plan

  variables {
    upkeep_schedule_partitions = 7
  }

  expect_failures = [var.upkeep_schedule_partitions]
}

run "refuses_direct_posts_that_leave_nothing_for_delivery" {
  command = plan

  variables {
    direct_posts_broadcast_percent      = 60
    direct_posts_message_router_percent = 40
  }

  expect_failures = [var.direct_posts_broadcast_percent]
}

run "refuses_direct_posts_of_no_instance" {
  command = plan

  variables {
    direct_posts_message_router_instances = 0
  }

  expect_failures = [var.direct_posts_message_router_instances]
}

run "refuses_a_budget_of_which_an_instance_of_the_router_has_nothing" {
  command = plan

  variables {
    posts_per_second_budget = 400
  }

  expect_failures = [var.posts_per_second_budget]
}
