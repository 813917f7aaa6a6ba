# Each input that cannot work is refused at the plan, with a message that names the variable and the remedy.
mock_provider "aws" {}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

run "refuses_a_name_in_capitals" {
  command = plan

  variables {
    name = "Deals"
  }

  expect_failures = [var.name]
}

run "refuses_an_environment_that_ends_in_a_hyphen" {
  command = plan

  variables {
    environment = "test-"
  }

  expect_failures = [var.environment]
}

run "refuses_names_that_leave_no_room_for_the_functions" {
  command = plan

  variables {
    name        = "deals-with-a-name-of-quite-some-length"
    environment = "staging"
  }

  expect_failures = [var.environment]
}

run "refuses_a_manifest_that_was_not_built" {
  command = plan

  variables {
    packages_manifest = "tests/fixtures/absent.json"
  }

  expect_failures = [var.packages_manifest]
}

run "refuses_a_manifest_without_all_packages" {
  command = plan

  variables {
    packages_manifest = "tests/fixtures/incomplete.json"
  }

  expect_failures = [var.packages_manifest]
}

run "refuses_a_prefix_without_a_bucket" {
  command = plan

  variables {
    package_prefix = "deals/"
  }

  expect_failures = [var.package_prefix]
}

run "refuses_an_unknown_log_level" {
  command = plan

  variables {
    log_level = "TRACE"
  }

  expect_failures = [var.log_level]
}

run "refuses_unknown_algorithms" {
  command = plan

  variables {
    jwt = { algorithms = ["HS512"] }
  }

  expect_failures = [var.jwt]
}

run "refuses_public_key_algorithms_without_the_issuers_keys" {
  command = plan

  variables {
    jwt = { algorithms = ["HS256", "RS256"] }
  }

  expect_failures = [var.jwt]
}

run "refuses_an_issuers_keys_without_a_public_key_algorithm" {
  command = plan

  variables {
    jwt = { jwks_url = "https://issuer.example/jwks.json" }
  }

  expect_failures = [var.jwt]
}

run "refuses_an_issuers_keys_over_plain_http" {
  command = plan

  variables {
    jwt = { algorithms = ["HS256", "ES256"], jwks_url = "http://issuer.example/jwks.json" }
  }

  expect_failures = [var.jwt]
}

run "refuses_plain_http_to_a_host_that_only_starts_like_localhost" {
  command = plan

  variables {
    jwt = { algorithms = ["HS256", "ES256"], jwks_url = "http://127.0.0.1.issuer.example/jwks.json" }
  }

  expect_failures = [var.jwt]
}

run "refuses_a_secret_without_hs256" {
  command = plan

  variables {
    jwt = { algorithms = ["ES256"], jwks_url = "https://issuer.example/jwks.json" }
  }

  expect_failures = [var.jwt_secret]
}

run "refuses_hs256_without_a_secret" {
  command = plan

  variables {
    jwt        = { algorithms = ["HS256", "ES256"], jwks_url = "https://issuer.example/jwks.json" }
    jwt_secret = null
  }

  expect_failures = [var.jwt_secret]
}

run "refuses_zero_connections_for_a_user" {
  command = plan

  variables {
    max_connections_per_user = 0
  }

  expect_failures = [var.max_connections_per_user]
}

run "refuses_a_rate_of_zero" {
  command = plan

  variables {
    action_limits = { send_message = { per_second = 0 } }
  }

  expect_failures = [var.action_limits]
}

run "refuses_a_rate_with_too_many_decimals" {
  command = plan

  variables {
    action_limits = { others = { per_second = 0.0015 } }
  }

  expect_failures = [var.action_limits]
}

run "refuses_a_burst_of_zero" {
  command = plan

  variables {
    action_limits = { subscriptions = { burst = 0 } }
  }

  expect_failures = [var.action_limits]
}

run "refuses_an_empty_list_of_algorithms" {
  command = plan

  variables {
    jwt = { algorithms = [] }
  }

  expect_failures = [var.jwt]
}

run "refuses_a_leeway_above_five_minutes" {
  command = plan

  variables {
    jwt = { leeway_seconds = 301 }
  }

  expect_failures = [var.jwt]
}

run "refuses_two_sources_of_the_secret" {
  command = plan

  variables {
    jwt_secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:issuer-AbCdEf"
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

run "refuses_version_zero_of_the_secret" {
  command = plan

  variables {
    jwt_secret_version = 0
  }

  expect_failures = [var.jwt_secret_version]
}

run "refuses_a_recovery_window_of_one_day" {
  command = plan

  variables {
    jwt_secret_recovery_window_days = 1
  }

  expect_failures = [var.jwt_secret_recovery_window_days]
}

run "refuses_a_key_without_an_existing_secret" {
  command = plan

  variables {
    jwt_secret_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/2"
  }

  expect_failures = [var.jwt_secret_kms_key_arn]
}

run "refuses_a_direct_audience_that_needs_pacing" {
  command = plan

  variables {
    direct_audience_max = 1001
  }

  expect_failures = [var.direct_audience_max]
}

run "refuses_zero_subscriptions_for_a_connection" {
  command = plan

  variables {
    max_subscriptions = 0
  }

  expect_failures = [var.max_subscriptions]
}

run "refuses_more_subscriptions_than_the_protocol_allows" {
  command = plan

  variables {
    max_subscriptions = 51
  }

  expect_failures = [var.max_subscriptions]
}

run "refuses_a_message_retention_of_zero" {
  command = plan

  variables {
    message_retention_days = 0
  }

  expect_failures = [var.message_retention_days]
}

run "refuses_a_message_retention_above_a_year" {
  command = plan

  variables {
    message_retention_days = 366
  }

  expect_failures = [var.message_retention_days]
}

run "refuses_throttling_of_an_unknown_route" {
  command = plan

  variables {
    throttling = { routes = { subscribe = { rate_limit = 10, burst_limit = 10 } } }
  }

  expect_failures = [var.throttling]
}

run "refuses_local_endpoints_without_placeholders" {
  command = plan

  variables {
    local_endpoints = { websocket_url = "ws://127.0.0.1:4566", management_endpoint = "http://127.0.0.1:4566" }
  }

  expect_failures = [var.local_endpoints]
}

run "refuses_an_alias_for_a_key" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:alias/deals"
  }

  expect_failures = [var.kms_key_arn]
}

run "refuses_an_upkeep_budget_above_the_accounts_limit" {
  command = plan

  variables {
    upkeep = { posts_per_second = 10001 }
  }

  expect_failures = [var.upkeep]
}

run "refuses_probes_more_often_than_the_janitor_runs" {
  command = plan

  variables {
    upkeep = { probe_interval_seconds = 59 }
  }

  expect_failures = [var.upkeep]
}

run "refuses_more_shares_than_partitions" {
  command = plan

  variables {
    upkeep = { shares = 9 }
  }

  expect_failures = [var.upkeep]
}

run "refuses_fewer_partitions_than_there_were" {
  command = plan

  variables {
    upkeep = { schedule_partitions = 7 }
  }

  expect_failures = [var.upkeep]
}

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

run "refuses_a_log_level_of_an_unknown_function" {
  command = plan

  variables {
    log_levels = { router = "DEBUG" }
  }

  expect_failures = [var.log_levels]
}

run "refuses_an_unknown_log_level_of_a_function" {
  command = plan

  variables {
    log_levels = { delivery = "LOUD" }
  }

  expect_failures = [var.log_levels]
}

run "refuses_a_sampling_share_above_1" {
  command = plan

  variables {
    log_sample_rate = 5
  }

  expect_failures = [var.log_sample_rate]
}

run "refuses_an_unknown_tracing_mode" {
  command = plan

  variables {
    tracing = "On"
  }

  expect_failures = [var.tracing]
}

run "refuses_an_unknown_threshold" {
  command = plan

  variables {
    alarms = { thresholds = { conections = 5 } }
  }

  expect_failures = [var.alarms]
}
