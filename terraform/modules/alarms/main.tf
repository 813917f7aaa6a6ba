locals {
  # Alarms read what `metric_catalog` of the functions publishes, and what AWS does; a test compares them.
  own_namespace = "DealsWebSocket"
  own           = { Service = var.name }

  # Error codes that are the service's faults; the others are clients' mistakes and limits.
  fault_codes = ["INTERNAL_ERROR", "MESSAGE_ERROR", "SUBSCRIPTION_ERROR"]

  keys = sort(distinct(concat(values(local.metric_alarms)[*].key, values(local.expression_alarms)[*].key, keys(local.optional_keys), ["unhealthy"])))

  # Keys of alarms that depend on optional resources; they may be disabled whether or not these exist.
  optional_keys = {
    lambda_concurrency    = true
    publish_api_errors    = true
    publish_api_refusals  = true
    iterator_age          = true
    redis_fallbacks       = true
    index_behind          = true
    index_failures        = true
    index_repairs         = true
    relay_silent          = true
    relay_lag             = true
    relay_dead_letters    = true
    relay_lost            = true
    relay_redis_failures  = true
    cache_cpu             = true
    cache_memory          = true
    cache_evictions       = true
    cache_replication_lag = true
    dynamodb_throttles    = true
    dynamodb_errors       = true
    queue_age             = true
    dead_letters          = true
    lambda_errors         = true
    lambda_throttles      = true
    lambda_duration       = true
  }

  # Alarms that mean that users are affected: the ones to page somebody for.
  unhealthy_keys = ["api_execution_errors", "api_integration_errors", "authorizer_faults", "error_rate", "janitor_silent", "publish_api_errors", "push_latency", "queue_age", "relay_lag", "relay_silent", "reply_latency"]

  actions    = [local.topic_arn]
  ok_actions = var.ok_notices == "all" ? local.actions : []

  descriptions = { for id, alarm in merge(
    { for id, alarm in local.metric_alarms : id => alarm.text },
    { for id, alarm in local.expression_alarms : id => alarm.text },
  ) : id => "${alarm} Runbook: docs/telemetry.md, ${split("/", id)[0]}." }
}

################################################################################
# Alarms on one metric
################################################################################

resource "aws_cloudwatch_metric_alarm" "metric" {
  for_each = { for id, alarm in local.metric_alarms : id => alarm if !contains(var.disabled, alarm.key) }

  alarm_name        = "${var.name}-${replace(each.key, "/", "-")}"
  alarm_description = local.descriptions[each.key]

  namespace   = each.value.namespace
  metric_name = each.value.metric
  dimensions  = each.value.dimensions

  statistic                             = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic                    = startswith(each.value.statistic, "p") ? each.value.statistic : null
  evaluate_low_sample_count_percentiles = startswith(each.value.statistic, "p") ? "ignore" : null

  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = each.value.period
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.datapoints
  treat_missing_data  = each.value.missing

  alarm_actions = local.actions
  ok_actions    = local.ok_actions
  tags          = var.tags

  # CloudWatch refuses to delete an alarm that a composite alarm names. This order changes the composite alarm first.
  lifecycle {
    create_before_destroy = true
  }
}

################################################################################
# Alarms on several metrics
################################################################################

resource "aws_cloudwatch_metric_alarm" "expression" {
  for_each = { for id, alarm in local.expression_alarms : id => alarm if !contains(var.disabled, alarm.key) }

  alarm_name        = "${var.name}-${replace(each.key, "/", "-")}"
  alarm_description = local.descriptions[each.key]

  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.datapoints
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "value"
    label       = each.value.label
    expression  = each.value.expression
    return_data = true
  }

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.metric
        dimensions  = metric_query.value.dimensions
        stat        = metric_query.value.statistic
        period      = 300
      }
    }
  }

  alarm_actions = local.actions
  ok_actions    = local.ok_actions
  tags          = var.tags

  # CloudWatch refuses to delete an alarm that a composite alarm names. This order changes the composite alarm first.
  lifecycle {
    create_before_destroy = true
  }
}

################################################################################
# The service as a whole
################################################################################

locals {
  unhealthy_names = concat(
    [for id, alarm in aws_cloudwatch_metric_alarm.metric : alarm.alarm_name if contains(local.unhealthy_keys, local.metric_alarms[id].key)],
    [for id, alarm in aws_cloudwatch_metric_alarm.expression : alarm.alarm_name if contains(local.unhealthy_keys, local.expression_alarms[id].key)],
  )
}

resource "aws_cloudwatch_composite_alarm" "unhealthy" {
  count = contains(var.disabled, "unhealthy") || length(setsubtract(local.unhealthy_keys, var.disabled)) == 0 ? 0 : 1

  alarm_name        = "${var.name}-unhealthy"
  alarm_description = "The service does not work as users expect: the alarms that fire say why. Runbook: docs/telemetry.md, unhealthy."
  alarm_rule        = join(" OR ", [for name in local.unhealthy_names : "ALARM(\"${name}\")"])

  alarm_actions = local.actions
  ok_actions    = var.ok_notices == "none" ? [] : local.actions
  tags          = var.tags
}
