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

run "every_alarm_tells_one_topic_when_it_fires_and_when_it_is_over" {
  assert {
    condition = alltrue([
      for alarm in concat(values(aws_cloudwatch_metric_alarm.metric), values(aws_cloudwatch_metric_alarm.expression)) :
      alarm.alarm_actions == toset([aws_sns_topic.this[0].arn]) && alarm.ok_actions == toset([aws_sns_topic.this[0].arn])
    ])
    error_message = "an alarm that tells nobody is none"
  }

  assert {
    condition     = aws_cloudwatch_composite_alarm.unhealthy[0].alarm_actions == toset([output.topic_arn])
    error_message = "the service as a whole tells the same topic"
  }
}

run "every_alarm_names_its_section_of_the_runbook" {
  command = plan

  assert {
    condition = alltrue([
      for id, alarm in merge(aws_cloudwatch_metric_alarm.metric, aws_cloudwatch_metric_alarm.expression) :
      endswith(alarm.alarm_description, "Runbook: docs/telemetry.md, ${split("/", id)[0]}.") && alarm.alarm_name == "deals-test-${replace(id, "/", "-")}"
    ])
    error_message = "whoever is woken finds what to do by the alarm's key"
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
    error_message = "without it an alarm fires and nobody is told"
  }

  assert {
    condition     = aws_kms_key.topic[0].enable_key_rotation
    error_message = "the key rotates"
  }

  assert {
    condition = { for statement in jsondecode(aws_sns_topic.this[0].policy).Statement : statement.Sid => jsonencode([statement.Effect, statement.Principal, statement.Condition]) } == {
      AlarmsPublish = jsonencode(["Allow", { Service = "cloudwatch.amazonaws.com" }, {
        StringEquals = { "aws:SourceAccount" = "123456789012" }
        ArnLike      = { "aws:SourceArn" = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:deals-test-*" }
      }])
      DenyPlainText = jsonencode(["Deny", "*", { Bool = { "aws:SecureTransport" = "false" } }])
    }
    error_message = "only this deployment's alarms publish, and only over TLS"
  }
}

run "a_given_key_and_mail_addresses_are_used" {
  command = plan

  variables {
    notification = { emails = ["ops@example.com"], kms_key = { arn = "arn:aws:kms:eu-west-1:123456789012:key/given" } }
  }

  assert {
    condition     = length(aws_kms_key.topic) == 0 && aws_sns_topic.this[0].kms_master_key_id == "arn:aws:kms:eu-west-1:123456789012:key/given"
    error_message = "no second key"
  }

  assert {
    condition     = aws_sns_topic_subscription.email["ops@example.com"].protocol == "email"
    error_message = "each address is subscribed"
  }
}

run "an_existing_topic_is_told_and_none_is_made" {
  command = plan

  variables {
    notification = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:pager", ok_enabled = false }
  }

  assert {
    condition     = length(aws_sns_topic.this) == 0 && length(aws_kms_key.topic) == 0 && output.topic_arn == "arn:aws:sns:eu-west-1:123456789012:pager"
    error_message = "nothing is made beside it"
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.metric : alarm.alarm_actions == toset(["arn:aws:sns:eu-west-1:123456789012:pager"]) && length(coalesce(alarm.ok_actions, [])) == 0])
    error_message = "told when it fires, and not when it is over"
  }
}

run "the_janitors_silence_is_what_breaches" {
  command = plan

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.metric["janitor_silent"].treat_missing_data == "breaching"
      && aws_cloudwatch_metric_alarm.metric["janitor_silent"].statistic == "SampleCount"
      && aws_cloudwatch_metric_alarm.metric["janitor_silent"].comparison_operator == "LessThanThreshold"
      && aws_cloudwatch_metric_alarm.metric["janitor_silent"].evaluation_periods == 5
    )
    error_message = "a dead man's switch fires because nothing comes"
  }

  assert {
    condition     = alltrue([for id, alarm in aws_cloudwatch_metric_alarm.metric : alarm.treat_missing_data == "notBreaching" if id != "janitor_silent"])
    error_message = "no other alarm fires because nothing happens"
  }
}

run "rates_need_some_traffic_and_count_only_our_faults" {
  command = plan

  assert {
    condition     = one([for query in aws_cloudwatch_metric_alarm.expression["error_rate"].metric_query : query.expression if query.id == "value"]) == "IF(actions >= 50, 100 * (FILL(internal_error, 0) + FILL(message_error, 0) + FILL(subscription_error, 0)) / actions, 0)"
    error_message = "a client's mistake wakes nobody, nor does one error at night"
  }

  assert {
    condition     = alltrue([for query in aws_cloudwatch_metric_alarm.expression["error_rate"].metric_query : query.return_data == (query.id == "value")])
    error_message = "an alarm has exactly one value"
  }
}

run "functions_have_the_alarms_that_mean_something_for_them" {
  command = plan

  assert {
    condition     = [for id in keys(aws_cloudwatch_metric_alarm.metric) : id if startswith(id, "lambda_errors/")] == ["lambda_errors/deliverer", "lambda_errors/projector", "lambda_errors/router"]
    error_message = "a 401 is an exception of the authorizer, so its errors say nothing"
  }

  assert {
    condition     = [for id in keys(aws_cloudwatch_metric_alarm.metric) : id if startswith(id, "lambda_concurrency/")] == ["lambda_concurrency/router"] && aws_cloudwatch_metric_alarm.metric["lambda_concurrency/router"].threshold == 40
    error_message = "80 % of the reservation, where there is one and no queue keeps it busy"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.metric["lambda_duration/router"].threshold == 27550 && aws_cloudwatch_metric_alarm.metric["lambda_duration/deliverer"].threshold == 57000
    error_message = "95 % of each one's own timeout, in milliseconds"
  }

  assert {
    condition     = [for id in keys(aws_cloudwatch_metric_alarm.metric) : id if startswith(id, "iterator_age/")] == ["iterator_age/projector"]
    error_message = "only what reads a stream has an iterator age"
  }
}

run "a_tables_throttles_are_its_own_and_its_indexes" {
  command = plan

  assert {
    condition = toset([
      for query in aws_cloudwatch_metric_alarm.expression["dynamodb_throttles/connections"].metric_query :
      "${query.metric[0].metric_name} ${lookup(query.metric[0].dimensions, "GlobalSecondaryIndexName", "-")}" if length(query.metric) > 0
    ]) == toset(["ReadThrottleEvents -", "WriteThrottleEvents -", "ReadThrottleEvents UserIdIndex", "WriteThrottleEvents UserIdIndex"])
    error_message = "the table's metric does not hold the index's"
  }
}

run "a_cache_has_its_four_alarms_for_each_node" {
  command = plan

  variables {
    cache = { cluster_ids = ["deals-001", "deals-002"] }
  }

  assert {
    condition     = length([for id in keys(aws_cloudwatch_metric_alarm.metric) : id if startswith(id, "cache_")]) == 8
    error_message = "processor, memory, evictions and replication, of each node"
  }
}

run "what_the_service_says_of_redis_is_watched_where_there_is_redis" {
  command = plan

  variables {
    cache      = { cluster_ids = ["deals-001"] }
    thresholds = { index_lag_seconds = 20, relay_silent_minutes = 3 }
  }

  assert {
    condition = toset([for id in keys(aws_cloudwatch_metric_alarm.metric) : id if can(regex("^(redis|index|relay)_", id))]) == toset([
      "index_behind", "index_failures", "index_repairs", "redis_fallbacks", "relay_dead_letters", "relay_lag", "relay_lost", "relay_redis_failures", "relay_silent",
    ])
    error_message = "reading, the index, and the relay"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.metric["index_behind"].threshold == 20 && aws_cloudwatch_metric_alarm.metric["index_behind"].treat_missing_data == "breaching"
    error_message = "an index that nobody tends is behind too"
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.metric["relay_silent"].treat_missing_data == "breaching"
      && aws_cloudwatch_metric_alarm.metric["relay_silent"].statistic == "SampleCount"
      && aws_cloudwatch_metric_alarm.metric["relay_silent"].comparison_operator == "LessThanThreshold"
      && aws_cloudwatch_metric_alarm.metric["relay_silent"].evaluation_periods == 3
    )
    error_message = "a dead man's switch fires because nothing comes"
  }

  assert {
    condition     = strcontains(aws_cloudwatch_composite_alarm.unhealthy[0].alarm_rule, "ALARM(\"deals-test-relay_silent\")")
    error_message = "people hear nothing of what is published through Redis"
  }
}

run "without_redis_nothing_of_it_is_watched" {
  command = plan

  variables {
    disabled = ["relay_silent"]
  }

  assert {
    condition     = length([for id in keys(aws_cloudwatch_metric_alarm.metric) : id if can(regex("^(redis|index|relay|cache)_", id))]) == 0
    error_message = "a dead man's switch of what is not there would fire for ever; its key may be named all the same"
  }
}

run "alarms_are_switched_off_by_key" {
  command = plan

  variables {
    disabled = ["error_rate", "lambda_duration", "unhealthy", "iterator_age"]
  }

  assert {
    condition     = !contains(keys(aws_cloudwatch_metric_alarm.expression), "error_rate") && length([for id in keys(aws_cloudwatch_metric_alarm.metric) : id if startswith(id, "lambda_duration/")]) == 0 && length(aws_cloudwatch_composite_alarm.unhealthy) == 0
    error_message = "all of a key go, also of several things"
  }
}

run "the_service_is_unhealthy_where_people_notice" {
  command = plan

  variables {
    disabled = ["push_latency"]
  }

  assert {
    condition = aws_cloudwatch_composite_alarm.unhealthy[0].alarm_rule == join(" OR ", [
      for name in ["api_execution_errors", "api_integration_errors", "authorizer_faults", "janitor_silent", "queue_age-events", "reply_latency", "error_rate"] : "ALARM(\"deals-test-${name}\")"
    ])
    error_message = "and by alarms that there are"
  }
}
