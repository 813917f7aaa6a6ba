mock_provider "aws" {
  source = "../../mocks"

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555" }
  }
}

variables {
  name = "deals-test"
  api  = { id = "a1b2c3d4e5", stage_name = "v1" }

  functions = {
    router    = { name = "deals-test-message_router", timeout_seconds = 29, reserved_concurrency = 50 }
    doorman   = { name = "deals-test-authorizer", timeout_seconds = 10, errors_alarm_enabled = false }
    deliverer = { name = "deals-test-delivery", timeout_seconds = 60, reserved_concurrency = 4, concurrency_alarm_enabled = false }
    projector = { name = "deals-test-index_projector", timeout_seconds = 60, stream_consumer = true }
  }

  tables = {
    connections = { name = "deals-test-connections", indexes = ["UserIdIndex"], operations = ["GetItem", "Query"] }
  }

  queues = {
    events = { name = "deals-test-events", dlq_name = "deals-test-events-dlq" }
  }
}

run "every_alarm_notifies_one_topic_when_it_fires_and_ends" {
  assert {
    condition = alltrue([
      for alarm in concat(values(aws_cloudwatch_metric_alarm.metric), values(aws_cloudwatch_metric_alarm.expression)) :
      alarm.alarm_actions == toset([aws_sns_topic.this[0].arn])
    ])
    error_message = "every alarm must notify the topic"
  }

  assert {
    condition     = aws_cloudwatch_composite_alarm.unhealthy[0].alarm_actions == toset([output.topic_arn])
    error_message = "the composite alarm must notify the same topic"
  }
}

run "every_alarm_names_its_section_of_the_runbook" {
  command = plan

  assert {
    condition = alltrue([
      for id, alarm in merge(aws_cloudwatch_metric_alarm.metric, aws_cloudwatch_metric_alarm.expression) :
      endswith(alarm.alarm_description, "Runbook: docs/telemetry.md, ${split("/", id)[0]}.") && alarm.alarm_name == "deals-test-${replace(id, "/", "-")}"
    ])
    error_message = "every description must name the runbook's section by the alarm's key"
  }
}

run "the_topic_is_encrypted_with_a_key_that_cloudwatch_may_use" {
  command = plan

  assert {
    condition = one([
      for statement in jsondecode(aws_kms_key.topic[0].policy).Statement : statement if statement.Sid == "AlarmsPublish"
      ]) == {
      Sid       = "AlarmsPublish"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
      Resource  = "*"
      Condition = { StringEquals = { "aws:SourceAccount" = "123456789012" } }
    }
    error_message = "the key must let CloudWatch use it, or alarms notify nobody"
  }

  assert {
    condition     = aws_kms_key.topic[0].enable_key_rotation
    error_message = "the key must rotate"
  }

  assert {
    condition = { for statement in jsondecode(aws_sns_topic.this[0].policy).Statement : statement.Sid => jsonencode([statement.Effect, statement.Principal, statement.Condition]) } == {
      AlarmsPublish = jsonencode(["Allow", { Service = "cloudwatch.amazonaws.com" }, {
        StringEquals = { "aws:SourceAccount" = "123456789012" }
        ArnLike      = { "aws:SourceArn" = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:deals-test-*" }
      }])
      DenyPlainText = jsonencode(["Deny", "*", { Bool = { "aws:SecureTransport" = "false" } }])
    }
    error_message = "only alarms of this deployment may publish, and only over TLS"
  }
}

run "given_key_and_email_addresses_are_used" {
  command = plan

  variables {
    emails    = ["ops@example.com"]
    topic_key = { arn = "arn:aws:kms:eu-west-1:123456789012:key/given" }
  }

  assert {
    condition     = length(aws_kms_key.topic) == 0 && aws_sns_topic.this[0].kms_master_key_id == "arn:aws:kms:eu-west-1:123456789012:key/given"
    error_message = "no key may be created where one is given"
  }

  assert {
    condition     = aws_sns_topic_subscription.email["ops@example.com"].protocol == "email"
    error_message = "every address must be subscribed"
  }
}

run "existing_topic_is_notified_and_none_is_created" {
  command = plan

  variables {
    topic      = { arn = "arn:aws:sns:eu-west-1:123456789012:pager" }
    ok_notices = "none"
  }

  assert {
    condition     = length(aws_sns_topic.this) == 0 && length(aws_kms_key.topic) == 0 && output.topic_arn == "arn:aws:sns:eu-west-1:123456789012:pager"
    error_message = "no topic or key may be created beside an existing topic"
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.metric : alarm.alarm_actions == toset(["arn:aws:sns:eu-west-1:123456789012:pager"]) && length(coalesce(alarm.ok_actions, [])) == 0])
    error_message = "alarms must notify when they fire, and not when they end"
  }
}

run "missing_data_breaches_only_for_the_janitors_silence" {
  command = plan

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.metric["janitor_silent"].treat_missing_data == "breaching"
      && aws_cloudwatch_metric_alarm.metric["janitor_silent"].statistic == "SampleCount"
      && aws_cloudwatch_metric_alarm.metric["janitor_silent"].comparison_operator == "LessThanThreshold"
      && aws_cloudwatch_metric_alarm.metric["janitor_silent"].evaluation_periods == 5
    )
    error_message = "a dead man's switch must fire on missing data"
  }

  assert {
    condition     = alltrue([for id, alarm in aws_cloudwatch_metric_alarm.metric : alarm.treat_missing_data == "notBreaching" if id != "janitor_silent"])
    error_message = "no other alarm may fire on missing data"
  }
}

run "rates_need_some_traffic_and_ignore_client_mistakes" {
  command = plan

  assert {
    condition     = one([for query in aws_cloudwatch_metric_alarm.expression["error_rate"].metric_query : query.expression if query.id == "value"]) == "IF(actions >= 50, 100 * (FILL(internal_error, 0) + FILL(message_error, 0) + FILL(subscription_error, 0)) / actions, 0)"
    error_message = "rates must need some traffic, and the error rate must ignore clients' mistakes"
  }

  assert {
    condition     = alltrue([for query in aws_cloudwatch_metric_alarm.expression["error_rate"].metric_query : query.return_data == (query.id == "value")])
    error_message = "exactly one query of an alarm may return data"
  }
}

run "functions_have_only_the_alarms_that_apply_to_them" {
  command = plan

  assert {
    condition     = [for id in keys(aws_cloudwatch_metric_alarm.metric) : id if startswith(id, "lambda_errors/")] == ["lambda_errors/deliverer", "lambda_errors/projector", "lambda_errors/router"]
    error_message = "the authorizer must have no errors alarm, because a 401 is an exception"
  }

  assert {
    condition     = [for id in keys(aws_cloudwatch_metric_alarm.metric) : id if startswith(id, "lambda_concurrency/")] == ["lambda_concurrency/router"] && aws_cloudwatch_metric_alarm.metric["lambda_concurrency/router"].threshold == 40
    error_message = "the concurrency alarm must fire at 80 % of a reservation that no queue keeps busy"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.metric["lambda_duration/router"].threshold == 27550 && aws_cloudwatch_metric_alarm.metric["lambda_duration/deliverer"].threshold == 57000
    error_message = "the duration alarm must fire at 95 % of the function's timeout"
  }

  assert {
    condition     = [for id in keys(aws_cloudwatch_metric_alarm.metric) : id if startswith(id, "iterator_age/")] == ["iterator_age/projector"]
    error_message = "only functions that read a stream have an iterator age"
  }
}

run "throttles_of_a_table_include_its_indexes" {
  command = plan

  assert {
    condition = toset([
      for query in aws_cloudwatch_metric_alarm.expression["dynamodb_throttles/connections"].metric_query :
      "${query.metric[0].metric_name} ${lookup(query.metric[0].dimensions, "GlobalSecondaryIndexName", "-")}" if length(query.metric) > 0
    ]) == toset(["ReadThrottleEvents -", "WriteThrottleEvents -", "ReadThrottleEvents UserIdIndex", "WriteThrottleEvents UserIdIndex"])
    error_message = "throttles of the indexes must be added, which the table's metric excludes"
  }
}

run "every_node_of_a_cache_has_four_alarms" {
  command = plan

  variables {
    cache = { cluster_ids = ["deals-001", "deals-002"] }
  }

  assert {
    condition     = length([for id in keys(aws_cloudwatch_metric_alarm.metric) : id if startswith(id, "cache_")]) == 8
    error_message = "every node must have alarms on processor, memory, evictions and replication"
  }
}

run "metrics_about_redis_have_alarms_with_a_cache" {
  command = plan

  variables {
    cache      = { cluster_ids = ["deals-001"] }
    thresholds = { index_lag_seconds = 20, relay_silent_minutes = 3 }
  }

  assert {
    condition = toset([for id in keys(aws_cloudwatch_metric_alarm.metric) : id if can(regex("^(redis|index|relay)_", id))]) == toset([
      "index_behind", "index_failures", "index_repairs", "redis_fallbacks", "relay_dead_letters", "relay_lag", "relay_lost", "relay_redis_failures", "relay_silent",
    ])
    error_message = "alarms must cover reading, the index and the relay"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.metric["index_behind"].threshold == 20 && aws_cloudwatch_metric_alarm.metric["index_behind"].treat_missing_data == "breaching"
    error_message = "an index without maintenance must count as behind"
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.metric["relay_silent"].treat_missing_data == "breaching"
      && aws_cloudwatch_metric_alarm.metric["relay_silent"].statistic == "SampleCount"
      && aws_cloudwatch_metric_alarm.metric["relay_silent"].comparison_operator == "LessThanThreshold"
      && aws_cloudwatch_metric_alarm.metric["relay_silent"].evaluation_periods == 3
    )
    error_message = "a dead man's switch must fire on missing data"
  }

  assert {
    condition     = strcontains(aws_cloudwatch_composite_alarm.unhealthy[0].alarm_rule, "ALARM(\"deals-test-relay_silent\")")
    error_message = "a silent relay must make the service unhealthy"
  }
}

run "metrics_about_redis_have_no_alarms_without_a_cache" {
  command = plan

  variables {
    disabled = ["relay_silent"]
  }

  assert {
    condition     = length([for id in keys(aws_cloudwatch_metric_alarm.metric) : id if can(regex("^(redis|index|relay|cache)_", id))]) == 0
    error_message = "without Redis its alarms must not exist, though `disabled` may name their keys"
  }
}

run "alarms_are_switched_off_by_key" {
  command = plan

  variables {
    disabled = ["error_rate", "lambda_duration", "unhealthy", "iterator_age"]
  }

  assert {
    condition     = !contains(keys(aws_cloudwatch_metric_alarm.expression), "error_rate") && length([for id in keys(aws_cloudwatch_metric_alarm.metric) : id if startswith(id, "lambda_duration/")]) == 0 && length(aws_cloudwatch_composite_alarm.unhealthy) == 0
    error_message = "`disabled` must remove every alarm of a key"
  }
}

run "service_is_unhealthy_when_users_are_affected" {
  command = plan

  variables {
    disabled = ["push_latency"]
  }

  assert {
    condition = aws_cloudwatch_composite_alarm.unhealthy[0].alarm_rule == join(" OR ", [
      for name in ["api_execution_errors", "api_integration_errors", "authorizer_faults", "janitor_silent", "queue_age-events", "reply_latency", "error_rate"] : "ALARM(\"deals-test-${name}\")"
    ])
    error_message = "the composite alarm may only name existing alarms"
  }
}

run "the_first_apply_sends_no_storm_of_notices_that_all_is_well" {
  command = plan

  variables {
    topic = { arn = "arn:aws:sns:eu-west-1:123456789012:pager" }
  }

  assert {
    condition     = alltrue([for alarm in concat(values(aws_cloudwatch_metric_alarm.metric), values(aws_cloudwatch_metric_alarm.expression)) : length(coalesce(alarm.ok_actions, [])) == 0])
    error_message = "every new alarm becomes OK once, and each would tell"
  }

  assert {
    condition     = aws_cloudwatch_composite_alarm.unhealthy[0].ok_actions == toset(["arn:aws:sns:eu-west-1:123456789012:pager"])
    error_message = "whoever was paged must hear that it is over"
  }
}

run "all_alarms_tell_of_their_end_where_it_is_asked_for" {
  command = plan

  variables {
    topic      = { arn = "arn:aws:sns:eu-west-1:123456789012:pager" }
    ok_notices = "all"
  }

  assert {
    condition     = alltrue([for alarm in values(aws_cloudwatch_metric_alarm.metric) : alarm.ok_actions == toset(["arn:aws:sns:eu-west-1:123456789012:pager"])])
    error_message = "every alarm must notify when it ends"
  }
}
