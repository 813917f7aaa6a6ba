# tests/terraform/test_alarms.py reads what `test -json -verbose` prints of this run. The run applies, so that the API has
# an id, and switches on everything that has alarms.
mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest_with_redis.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
  redis_enabled     = true

  publish_api_enabled = true
}

run "every_function_table_and_queue_has_alarms" {
  variables {
    reserved_concurrency = { authorizer = 50 }
  }

  assert {
    condition     = length(setsubtract(keys(module.function), [for id in keys(output.alarm_names) : split("/", id)[1] if startswith(id, "lambda_duration/")])) == 0
    error_message = "every function must have alarms"
  }

  assert {
    condition     = length(setsubtract(keys(module.tables.names), [for id in keys(output.alarm_names) : split("/", id)[1] if startswith(id, "dynamodb_throttles/")])) == 0
    error_message = "every table must have alarms"
  }

  assert {
    condition     = [for id in keys(output.alarm_names) : id if startswith(id, "dead_letters/")] == ["dead_letters/deliveries", "dead_letters/events"]
    error_message = "both dead-letter queues must have alarms"
  }

  assert {
    condition     = output.dashboard_name == "deals-test-eu-west-1"
    error_message = "there must be a dashboard"
  }
}
