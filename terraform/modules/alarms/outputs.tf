################################################################################
# Alarms
################################################################################

output "names" {
  description = "Names of the alarms by key, or key/instance where there is one for each of several things"
  value = merge(
    { for id, alarm in aws_cloudwatch_metric_alarm.metric : id => alarm.alarm_name },
    { for id, alarm in aws_cloudwatch_metric_alarm.expression : id => alarm.alarm_name },
    { for alarm in aws_cloudwatch_composite_alarm.unhealthy : "unhealthy" => alarm.alarm_name },
  )
}

output "arns" {
  description = "ARNs of the alarms by the same keys, for dashboards and for composite alarms of other systems"
  # Composed of the names, so that a first plan already shows them.
  value = merge(
    { for id, alarm in aws_cloudwatch_metric_alarm.metric : id => "${local.alarm_arn_prefix}${alarm.alarm_name}" },
    { for id, alarm in aws_cloudwatch_metric_alarm.expression : id => "${local.alarm_arn_prefix}${alarm.alarm_name}" },
    { for alarm in aws_cloudwatch_composite_alarm.unhealthy : "unhealthy" => "${local.alarm_arn_prefix}${alarm.alarm_name}" },
  )
}

output "thresholds" {
  description = "The thresholds in force, to show them elsewhere"
  value       = var.thresholds
}

################################################################################
# Notification
################################################################################

output "topic_arn" {
  description = "ARN of the topic that the alarms notify, to subscribe to it"
  value       = local.topic_arn
}
