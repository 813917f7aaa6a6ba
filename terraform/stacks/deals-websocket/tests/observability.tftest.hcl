mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

run "the_stack_knows_every_threshold_of_the_module" {
  command = plan

  assert {
    condition     = toset(local.threshold_names) == toset(keys(module.alarms[0].thresholds))
    error_message = "a threshold that the stack does not know cannot be set, and one that the module does not know is dropped"
  }
}

run "thresholds_notification_and_switches_reach_the_alarms" {
  command = plan

  variables {
    alarms = {
      thresholds   = { connections = 5 }
      disabled     = ["post_throttles"]
      notification = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:pager" }
    }
  }

  assert {
    condition     = module.alarms[0].thresholds.connections == 5 && module.alarms[0].thresholds.error_rate_percent == 1
    error_message = "what is given is taken, the rest is as it was"
  }

  assert {
    condition     = !contains(keys(output.alarm_names), "post_throttles") && output.alarm_topic_arn == "arn:aws:sns:eu-west-1:123456789012:pager"
    error_message = "one alarm less, and an existing topic"
  }
}

run "alarms_and_dashboard_can_be_left_out" {
  command = plan

  variables {
    alarms    = { enabled = false }
    dashboard = { enabled = false, saved_queries_enabled = false }
  }

  assert {
    condition     = output.alarm_names == {} && output.alarm_topic_arn == null && output.dashboard_name == null
    error_message = "none of them is made"
  }
}

run "a_janitor_that_is_switched_off_is_silent_by_intent" {
  command = plan

  variables {
    upkeep = { enabled = false }
  }

  assert {
    condition     = !contains(keys(output.alarm_names), "janitor_silent") && contains(keys(output.alarm_names), "upkeep_lag")
    error_message = "its dead man's switch would fire for ever"
  }
}

run "log_levels_and_sampling_are_settings_of_the_functions" {
  command = plan

  variables {
    log_level       = "WARNING"
    log_levels      = { delivery = "DEBUG" }
    log_sample_rate = 0.01
  }

  assert {
    condition     = local.telemetry_environment.delivery == { LOG_LEVEL = "DEBUG", LOG_SAMPLE_RATE = "0.01", SERVICE = "deals-test" }
    error_message = "one function may say more than the others"
  }

  assert {
    condition     = local.telemetry_environment.janitor.LOG_LEVEL == "WARNING"
    error_message = "the others say what all say"
  }
}
