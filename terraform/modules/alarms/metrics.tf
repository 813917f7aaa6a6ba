# What each alarm reads. The map's key is KEY, or KEY/INSTANCE where there is one alarm for each of several resources;
# `disabled`, the README and the runbook use KEY.
locals {
  over  = { comparison = "GreaterThanThreshold", missing = "notBreaching" }
  fast  = { period = 60, periods = 3, datapoints = 3 }
  slow  = { period = 60, periods = 5, datapoints = 5 }
  whole = { period = 300, periods = 1, datapoints = 1 }

  metric_alarms = merge(
    local.service_alarms, local.api_alarms, local.lambda_alarms, local.lambda_error_alarms, local.concurrency_alarms,
    local.account_alarms, local.iterator_alarms, local.queue_alarms, local.dead_letter_alarms, local.cache_alarms,
    local.redis_alarms, local.publish_api_alarms,
  )

  expression_alarms = merge(local.rate_alarms, local.throttle_alarms, local.system_error_alarms, local.publish_api_rate_alarms)

  ##############################################################################
  # The service's own metrics
  ##############################################################################

  service_alarms = {
    for key, alarm in {
      connections = merge(local.fast, {
        metric = "ConnectionCount", statistic = "Maximum", threshold = var.thresholds.connections
        text   = "More connections than planned for."
      })
      reply_latency = merge(local.slow, {
        metric = "MessageLatency", of = { Kind = "reply" }, statistic = "p99", threshold = var.thresholds.reply_latency_p99_ms
        text   = "One reply in a hundred is slow."
      })
      push_latency = merge(local.slow, {
        metric = "MessageLatency", of = { Kind = "push" }, statistic = "p99", threshold = var.thresholds.push_latency_p99_ms
        text   = "Published events reach users late."
      })
      post_throttles = merge(local.whole, {
        metric = "DeliveriesThrottled", statistic = "Sum", threshold = var.thresholds.post_throttles
        text   = "API Gateway throttles posts to connections (429)."
      })
      deliveries_failed = merge(local.whole, {
        metric = "DeliveriesFailed", statistic = "Sum", threshold = var.thresholds.deliveries_failed
        text   = "Pushes could not be delivered."
      })
      token_failures = merge(local.whole, {
        metric = "TokenFailures", statistic = "Sum", threshold = var.thresholds.token_failures
        text   = "Many tokens are refused."
      })
      authorizer_faults = merge(local.whole, {
        metric = "AuthorizerFaults", statistic = "Sum", threshold = var.thresholds.authorizer_faults
        text   = "Handshakes fail because of an internal error."
      })
      limiter_failures = merge(local.whole, {
        metric = "LimiterFailures", statistic = "Sum", threshold = var.thresholds.limiter_failures
        text   = "Actions are not limited, because the store of limits does not respond."
      })
      upkeep_lag = merge(local.slow, {
        metric = "UpkeepLag", statistic = "Maximum", threshold = var.thresholds.upkeep_lag_seconds
        text   = "The janitor is behind schedule."
      })
      upkeep_failures = merge(local.slow, {
        metric     = "UpkeepFailures", statistic = "Sum", threshold = var.thresholds.upkeep_failures
        datapoints = 3
        text       = "Calls that the janitor makes fail."
      })
      # A dead man's switch: missing data breaches.
      janitor_silent = {
        metric     = "UpkeepLag", statistic = "SampleCount", threshold = 1
        comparison = "LessThanThreshold", missing = "breaching"
        period     = 60, periods = var.thresholds.janitor_silent_minutes, datapoints = var.thresholds.janitor_silent_minutes
        text       = "The janitor has not run."
      }
      } : key => merge(local.over, alarm, {
        key        = key
        namespace  = local.own_namespace
        dimensions = merge(local.own, lookup(alarm, "of", {}))
    })
  }

  ##############################################################################
  # API Gateway
  ##############################################################################

  api_dimensions = { ApiId = var.api.id, Stage = var.api.stage_name }

  api_alarms = {
    for key, alarm in {
      api_integration_errors = {
        metric = "IntegrationError", threshold = var.thresholds.api_integration_errors
        text   = "Functions return errors to API Gateway."
      }
      api_execution_errors = {
        metric = "ExecutionError", threshold = var.thresholds.api_execution_errors
        text   = "API Gateway cannot call a function."
      }
    } : key => merge(local.over, local.whole, alarm, { key = key, namespace = "AWS/ApiGateway", statistic = "Sum", dimensions = local.api_dimensions })
  }

  ##############################################################################
  # Lambda
  ##############################################################################

  lambda_alarms = merge([
    for short, function in var.functions : {
      for key, alarm in {
        lambda_throttles = merge(local.whole, {
          metric = "Throttles", statistic = "Sum", threshold = var.thresholds.lambda_throttles
          text   = "Lambda throttles ${short}: no concurrency was free."
        })
        lambda_duration = merge(local.slow, {
          metric     = "Duration", statistic = "Maximum", threshold = floor(function.timeout_seconds * 10 * var.thresholds.lambda_duration_percent)
          datapoints = 3
          text       = "${short} takes nearly its timeout of ${function.timeout_seconds} s."
        })
      } : "${key}/${short}" => merge(local.over, alarm, { key = key, namespace = "AWS/Lambda", dimensions = { FunctionName = function.name } })
    }
  ]...)

  lambda_error_alarms = {
    for short, function in var.functions : "lambda_errors/${short}" => merge(local.over, local.whole, {
      key        = "lambda_errors", namespace = "AWS/Lambda", metric = "Errors", statistic = "Sum"
      dimensions = { FunctionName = function.name }
      threshold  = var.thresholds.lambda_errors
      text       = "${short} fails."
    }) if function.errors_alarm_enabled
  }

  concurrency_alarms = {
    for short, function in var.functions : "lambda_concurrency/${short}" => merge(local.over, local.fast, {
      key        = "lambda_concurrency", namespace = "AWS/Lambda", metric = "ConcurrentExecutions", statistic = "Maximum"
      dimensions = { FunctionName = function.name }
      threshold  = floor(function.reserved_concurrency * var.thresholds.lambda_concurrency_percent / 100)
      text       = "${short} is close to its reserved concurrency."
    }) if function.concurrency_alarm_enabled && try(function.reserved_concurrency > 0, false)
  }

  # Without a dimension: all functions of the account in the Region.
  account_alarms = {
    lambda_account_concurrency = merge(local.over, local.fast, {
      key        = "lambda_account_concurrency", namespace = "AWS/Lambda", metric = "ConcurrentExecutions", statistic = "Maximum"
      dimensions = {}
      threshold  = floor(var.thresholds.lambda_account_concurrency * var.thresholds.lambda_concurrency_percent / 100)
      text       = "The account is close to its limit of concurrent executions."
    })
  }

  iterator_alarms = {
    for short, function in var.functions : "iterator_age/${short}" => merge(local.over, local.fast, {
      key        = "iterator_age", namespace = "AWS/Lambda", metric = "IteratorAge", statistic = "Maximum"
      dimensions = { FunctionName = function.name }
      threshold  = var.thresholds.iterator_age_seconds * 1000
      text       = "${short} is behind its stream."
    }) if function.stream_consumer
  }

  ##############################################################################
  # SQS
  ##############################################################################

  queue_alarms = {
    for short, queue in var.queues : "queue_age/${short}" => merge(local.over, local.fast, {
      key        = "queue_age", namespace = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum"
      dimensions = { QueueName = queue.name }
      threshold  = var.thresholds.queue_age_seconds
      text       = "The queue ${short} does not drain."
    })
  }

  dead_letter_alarms = {
    for short, queue in var.queues : "dead_letters/${short}" => merge(local.over, local.whole, {
      key        = "dead_letters", namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum"
      dimensions = { QueueName = queue.dlq_name }
      threshold  = var.thresholds.dead_letters
      text       = "The dead-letter queue of ${short} holds messages."
    })
  }

  ##############################################################################
  # Metric maths
  ##############################################################################

  rate_alarms = {
    error_rate = {
      key        = "error_rate"
      text       = "Clients get errors that are faults of the service."
      label      = "percent of actions"
      threshold  = var.thresholds.error_rate_percent
      periods    = 1
      datapoints = 1
      expression = "IF(actions >= ${var.thresholds.rate_actions_min}, 100 * (${join(" + ", [for code in local.fault_codes : "FILL(${lower(code)}, 0)"])}) / actions, 0)"
      metrics = merge(
        { actions = { namespace = local.own_namespace, metric = "ErrorRate", statistic = "SampleCount", dimensions = local.own } },
        { for code in local.fault_codes : lower(code) => { namespace = local.own_namespace, metric = "ErrorRate", statistic = "Sum", dimensions = merge(local.own, { Code = code }) } },
      )
    }
    refusal_rate = {
      key        = "refusal_rate"
      text       = "Many requests of clients are refused."
      label      = "percent of actions"
      threshold  = var.thresholds.refusal_rate_percent
      periods    = 3
      datapoints = 3
      expression = "IF(actions >= ${var.thresholds.rate_actions_min}, 100 * rate, 0)"
      metrics = {
        actions = { namespace = local.own_namespace, metric = "ErrorRate", statistic = "SampleCount", dimensions = local.own }
        rate    = { namespace = local.own_namespace, metric = "ErrorRate", statistic = "Average", dimensions = local.own }
      }
    }
    # API Gateway has no metric of throttles: a throttled request is one of these.
    api_client_errors = {
      key        = "api_client_errors"
      text       = "API Gateway refuses many requests: throttled (429), without a good token, or not allowed."
      label      = "percent of requests"
      threshold  = var.thresholds.api_client_error_percent
      periods    = 3
      datapoints = 3
      expression = "IF(FILL(refused, 0) >= ${var.thresholds.rate_actions_min}, 100 * FILL(refused, 0) / (FILL(refused, 0) + FILL(connects, 0) + FILL(messages, 0)), 0)"
      metrics = {
        refused  = { namespace = "AWS/ApiGateway", metric = "ClientError", statistic = "Sum", dimensions = local.api_dimensions }
        connects = { namespace = "AWS/ApiGateway", metric = "ConnectCount", statistic = "Sum", dimensions = local.api_dimensions }
        messages = { namespace = "AWS/ApiGateway", metric = "MessageCount", statistic = "Sum", dimensions = local.api_dimensions }
      }
    }
  }

  # A table's throttles do not include those of its indexes.
  throttle_alarms = {
    for short, table in var.tables : "dynamodb_throttles/${short}" => {
      key        = "dynamodb_throttles"
      text       = "DynamoDB throttles the table ${short} or one of its indexes."
      label      = "throttled"
      threshold  = var.thresholds.dynamodb_throttles
      periods    = 1
      datapoints = 1
      expression = "SUM([${join(", ", flatten([for place in range(length(table.indexes) + 1) : ["reads${place}", "writes${place}"]]))}])"
      metrics = merge([
        for place, dimensions in concat([{ TableName = table.name }], [for index in table.indexes : { TableName = table.name, GlobalSecondaryIndexName = index }]) : {
          "reads${place}"  = { namespace = "AWS/DynamoDB", metric = "ReadThrottleEvents", statistic = "Sum", dimensions = dimensions }
          "writes${place}" = { namespace = "AWS/DynamoDB", metric = "WriteThrottleEvents", statistic = "Sum", dimensions = dimensions }
        }
      ]...)
    }
  }

  system_error_alarms = {
    for short, table in var.tables : "dynamodb_errors/${short}" => {
      key        = "dynamodb_errors"
      text       = "DynamoDB returns internal errors for the table ${short}."
      label      = "errors"
      threshold  = var.thresholds.dynamodb_errors
      periods    = 1
      datapoints = 1
      expression = "SUM([${join(", ", [for operation in table.operations : lower(operation)])}])"
      metrics = {
        for operation in table.operations : lower(operation) => {
          namespace = "AWS/DynamoDB", metric = "SystemErrors", statistic = "Sum", dimensions = { TableName = table.name, Operation = operation }
        }
      }
    }
  }
}
