################################################################################
# Schedule
################################################################################

locals {
  schedule_inputs = try(coalesce(var.schedule.inputs, [null]), [])

  # Outside limit: a rule has five targets. Further ones have rules of their own, with a number behind the name.
  targets_per_rule = 5
}

resource "aws_cloudwatch_event_rule" "schedule" {
  count = ceil(length(local.schedule_inputs) / local.targets_per_rule)

  name                = count.index == 0 ? var.name : "${var.name}-${count.index + 1}"
  description         = "When the function ${var.name} runs"
  schedule_expression = var.schedule.expression
  state               = var.schedule.enabled ? "ENABLED" : "DISABLED"
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "schedule" {
  count = length(local.schedule_inputs)

  rule  = aws_cloudwatch_event_rule.schedule[floor(count.index / local.targets_per_rule)].name
  arn   = local.alias.arn
  input = local.schedule_inputs[count.index]

  # The next run catches up on what this one missed, so a late run is superfluous.
  retry_policy {
    maximum_event_age_in_seconds = 60
    maximum_retry_attempts       = 0
  }
}

resource "aws_lambda_permission" "schedule" {
  count = length(aws_cloudwatch_event_rule.schedule)

  statement_id  = count.index == 0 ? "AllowSchedule" : "AllowSchedule${count.index + 1}"
  action        = "lambda:InvokeFunction"
  function_name = local.alias.function_name
  qualifier     = local.alias.name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.schedule[count.index].arn
}

# EventBridge invokes asynchronously, so Lambda would try again by itself, for six hours.
resource "aws_lambda_function_event_invoke_config" "schedule" {
  count = var.schedule == null ? 0 : 1

  function_name                = local.alias.function_name
  qualifier                    = local.alias.name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 60
}
