mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

run "stack_knows_every_threshold_of_the_module" {
  command = plan

  assert {
    condition     = toset(local.threshold_names) == toset(keys(module.alarms[0].thresholds))
    error_message = "the stack and the module must know the same thresholds"
  }
}

run "settings_of_alarms_and_logs_reach_what_uses_them" {
  command = plan

  variables {
    alarm_thresholds = { connections = 5 }
    alarms_disabled  = ["post_throttles"]
    alarm_topic      = { arn = "arn:aws:sns:eu-west-1:123456789012:pager" }
    upkeep_enabled   = false
    log_level        = "WARNING"
    log_levels       = { delivery = "DEBUG" }
    log_sample_rate  = 0.01
  }

  # Alarm settings reach the module.
  assert {
    condition     = module.alarms[0].thresholds.connections == 5 && module.alarms[0].thresholds.error_rate_percent == 1
    error_message = "given thresholds must apply, and the others keep their defaults"
  }

  assert {
    condition     = !contains(keys(output.alarm_names), "post_throttles") && output.alarm_topic_arn == "arn:aws:sns:eu-west-1:123456789012:pager"
    error_message = "the disabled alarm must be missing, and the others notify the existing topic"
  }

  # Disabled janitor has no silence alarm.
  assert {
    condition     = !contains(keys(output.alarm_names), "janitor_silent") && contains(keys(output.alarm_names), "upkeep_lag")
    error_message = "a disabled janitor must have no dead man's switch, which would always fire"
  }

  # Log levels and sampling reach the functions.
  assert {
    condition     = local.telemetry_environment.delivery == { LOG_LEVEL = "DEBUG", LOG_SAMPLE_RATE = "0.01", SERVICE = "deals-test" }
    error_message = "one function must be able to have another log level"
  }

  assert {
    condition     = local.telemetry_environment.janitor.LOG_LEVEL == "WARNING"
    error_message = "the other functions must have the common log level"
  }
}

run "alarms_and_dashboard_can_be_switched_off" {
  command = plan

  variables {
    alarms_enabled        = false
    dashboard_enabled     = false
    saved_queries_enabled = false
  }

  assert {
    condition     = output.alarm_names == {} && output.alarm_topic_arn == null && output.dashboard_name == null
    error_message = "neither alarms nor dashboard may exist"
  }
}
