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

run "refuses_algorithms_that_the_functions_do_not_know" {
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

run "refuses_an_issuers_keys_that_no_algorithm_uses" {
  command = plan

  variables {
    jwt = { jwks_url = "https://issuer.example/jwks.json" }
  }

  expect_failures = [var.jwt]
}

run "refuses_an_issuers_keys_by_plain_http" {
  command = plan

  variables {
    jwt = { algorithms = ["HS256", "ES256"], jwks_url = "http://issuer.example/jwks.json" }
  }

  expect_failures = [var.jwt]
}

run "refuses_an_issuers_keys_from_a_host_that_only_begins_like_this_machine" {
  command = plan

  variables {
    jwt = { algorithms = ["HS256", "ES256"], jwks_url = "http://127.0.0.1.issuer.example/jwks.json" }
  }

  expect_failures = [var.jwt]
}

run "refuses_a_secret_that_no_algorithm_uses" {
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

run "refuses_a_user_without_connections" {
  command = plan

  variables {
    max_connections_per_user = 0
  }

  expect_failures = [var.max_connections_per_user]
}

run "refuses_a_limit_that_lets_nothing_pass" {
  command = plan

  variables {
    action_limits = { send_message = { per_second = 0 } }
  }

  expect_failures = [var.action_limits]
}

run "refuses_a_limit_finer_than_the_functions_read" {
  command = plan

  variables {
    action_limits = { others = { per_second = 0.0015 } }
  }

  expect_failures = [var.action_limits]
}

run "refuses_a_limit_without_a_burst" {
  command = plan

  variables {
    action_limits = { subscriptions = { burst = 0 } }
  }

  expect_failures = [var.action_limits]
}

run "refuses_a_list_without_algorithms" {
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

run "refuses_to_do_without_a_secret" {
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

run "refuses_a_key_of_a_secret_that_is_not_given" {
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

run "refuses_connections_without_subscriptions" {
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

run "refuses_messages_that_are_not_kept" {
  command = plan

  variables {
    message_retention_days = 0
  }

  expect_failures = [var.message_retention_days]
}

run "refuses_messages_that_are_kept_longer_than_a_year" {
  command = plan

  variables {
    message_retention_days = 366
  }

  expect_failures = [var.message_retention_days]
}

run "refuses_throttles_of_a_route_that_the_api_does_not_have" {
  command = plan

  variables {
    throttling = { routes = { subscribe = { rate_limit = 10, burst_limit = 10 } } }
  }

  expect_failures = [var.throttling]
}

run "refuses_local_endpoints_without_their_places" {
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

run "refuses_an_upkeep_that_spends_more_than_the_account_has" {
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

run "refuses_a_budget_that_leaves_an_instance_nothing" {
  command = plan

  variables {
    posts_per_second_budget = 1
  }

  expect_failures = [var.posts_per_second_budget]
}

run "refuses_a_budget_of_half_a_post" {
  command = plan

  variables {
    posts_per_second_budget = 10000.5
  }

  expect_failures = [var.posts_per_second_budget]
}

run "refuses_a_log_level_of_no_function" {
  command = plan

  variables {
    log_levels = { router = "DEBUG" }
  }

  expect_failures = [var.log_levels]
}

run "refuses_a_log_level_of_a_function_that_is_none" {
  command = plan

  variables {
    log_levels = { delivery = "LOUD" }
  }

  expect_failures = [var.log_levels]
}

run "refuses_a_share_of_more_than_all" {
  command = plan

  variables {
    log_sample_rate = 5
  }

  expect_failures = [var.log_sample_rate]
}

run "refuses_tracing_that_lambda_does_not_know" {
  command = plan

  variables {
    tracing = "On"
  }

  expect_failures = [var.tracing]
}

run "refuses_a_threshold_of_no_alarm" {
  command = plan

  variables {
    alarms = { thresholds = { conections = 5 } }
  }

  expect_failures = [var.alarms]
}
