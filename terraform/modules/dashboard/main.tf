data "aws_region" "current" {}

locals {
  region = data.aws_region.current.id
  own    = "DealsWebSocket"

  # Readable in ten seconds, from the top: health, traffic, latency, failures, cost.
  rows = [
    for row in [
      { height = 3, widgets = concat(local.alarm_widgets, local.number_widgets) },
      { height = 6, widgets = local.traffic_widgets },
      { height = 6, widgets = local.latency_widgets },
      { height = 6, widgets = local.failure_widgets },
      { height = 6, widgets = local.publish_api_widgets },
      { height = 6, widgets = local.redis_widgets },
      { height = 6, widgets = local.cost_widgets },
    ] : row if length(row.widgets) > 0
  ]

  # Placed from the left, row by row.
  widgets = flatten([
    for number, row in local.rows : [
      for place, widget in row.widgets : {
        type       = widget.type
        x          = sum(concat([0], slice(row.widgets[*].width, 0, place)))
        y          = sum(concat([0], slice(local.rows[*].height, 0, number)))
        width      = widget.width
        height     = row.height
        properties = jsondecode(widget.properties)
      }
    ]
  ])

  # Widgets differ in their properties, so these travel as JSON.
  alarm_widgets = length(var.alarm_arns) == 0 ? [] : [
    { type = "alarm", width = 6, properties = jsonencode({ title = "Alarms", alarms = var.alarm_arns, sortBy = "stateUpdatedTimestamp", states = ["ALARM"] }) },
  ]

  number_widgets = [
    for widget in [
      { title = "Connections", metrics = [[local.own, "ConnectionCount", "Service", var.name, { stat = "Maximum", label = "open" }]] },
      { title = "Errors", metrics = [[local.own, "ErrorRate", "Service", var.name, { stat = "Average", id = "rate", visible = false }], [{ expression = "100 * rate", label = "percent of actions" }]] },
      { title = "Latency p99", metrics = [for kind in ["reply", "push"] : [local.own, "MessageLatency", "Service", var.name, "Kind", kind, { stat = "p99", label = "${kind} (ms)" }]] },
    ] : { type = "metric", width = length(var.alarm_arns) == 0 ? 8 : 6, properties = jsonencode(merge({ view = "singleValue", sparkline = true, region = local.region, period = 60 }, widget)) }
  ]

  ##############################################################################
  # Traffic
  ##############################################################################

  traffic_widgets = [
    for widget in [
      { title = "Connections", metrics = [[local.own, "ConnectionCount", "Service", var.name, { stat = "Maximum", label = "open" }], ["AWS/ApiGateway", "ConnectCount", "ApiId", var.api.id, "Stage", var.api.stage_name, { stat = "Sum", label = "new a minute", yAxis = "right" }]] },
      { title = "What clients ask, a minute", stacked = true, metrics = [[{ expression = "SEARCH('{${local.own},Service,Action} MetricName=\"MessageCount\" Service=\"${var.name}\"', 'Sum', 60)", label = "", id = "actions" }]] },
      { title = "What is pushed, a minute", metrics = [for metric in ["EventsPublished", "DeliveriesDelivered", "DeliveriesRetried"] : [local.own, metric, "Service", var.name, { stat = "Sum" }]] },
    ] : { type = "metric", width = 8, properties = jsonencode(merge({ view = "timeSeries", region = local.region, period = 60 }, widget)) }
  ]

  ##############################################################################
  # Latency
  ##############################################################################

  latency_widgets = [
    for widget in concat(
      [
        for kind, title in { reply = "From a frame to its reply (ms)", push = "From an event to its last post (ms)" } : {
          title                    = title, metrics = [for stat in ["p50", "p90", "p99"] : [local.own, "MessageLatency", "Service", var.name, "Kind", kind, { stat = stat, label = stat }]]
        }
      ],
      [{
        title = "Waiting in queues (s)"
        metrics = [
          for short, queue in var.queues : ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", queue.name, { stat = "Maximum", label = "oldest of ${short}" }]
        ]
      }],
    ) : { type = "metric", width = 8, properties = jsonencode(merge({ view = "timeSeries", region = local.region, period = 60 }, widget)) }
  ]

  ##############################################################################
  # Publish API
  ##############################################################################

  publish_api_widgets = [
    for widget in [
      { title = "Requests at the publish API, a minute", metrics = [for metric in ["Count", "4xx", "5xx"] : ["AWS/ApiGateway", metric, "ApiId", try(var.publish_api.id, ""), "Stage", try(var.publish_api.stage_name, ""), { stat = "Sum" }]] },
      { title = "From a request to its answer (ms)", metrics = [for stat in ["p50", "p90", "p99"] : ["AWS/ApiGateway", "Latency", "ApiId", try(var.publish_api.id, ""), "Stage", try(var.publish_api.stage_name, ""), { stat = stat, label = stat }]] },
      { title = "Events that came together", metrics = [for stat in ["p50", "p99"] : [local.own, "BatchSize", "Service", var.name, { stat = stat, label = stat }]] },
    ] : { type = "metric", width = 8, properties = jsonencode(merge({ view = "timeSeries", region = local.region, period = 60 }, widget)) } if var.publish_api != null
  ]

  ##############################################################################
  # Failures
  ##############################################################################

  failure_widgets = [
    for widget in [
      { title = "Errors told to clients, a minute", stacked = true, metrics = [[{ expression = "SEARCH('{${local.own},Service,Code} MetricName=\"ErrorRate\" Service=\"${var.name}\"', 'Sum', 60)", label = "", id = "codes" }]] },
      { title = "Tokens refused, a minute", stacked = true, metrics = [[{ expression = "SEARCH('{${local.own},Service,Reason} MetricName=\"TokenFailures\" Service=\"${var.name}\"', 'Sum', 60)", label = "", id = "reasons" }]] },
      {
        title = "Faults, a minute"
        metrics = concat(
          [for metric in ["IntegrationError", "ExecutionError"] : ["AWS/ApiGateway", metric, "ApiId", var.api.id, "Stage", var.api.stage_name, { stat = "Sum" }]],
          [for metric in ["DeliveriesFailed", "DeliveriesThrottled", "AuthorizerFaults", "LimiterFailures", "UpkeepFailures", "ResumeGaps"] : [local.own, metric, "Service", var.name, { stat = "Sum" }]],
        )
      },
      {
        title = "AWS throttles and dead letters"
        metrics = concat(
          [for short, function in var.functions : ["AWS/Lambda", "Throttles", "FunctionName", function.name, { stat = "Sum", label = "Lambda ${short}" }]],
          [for short, table in var.tables : ["AWS/DynamoDB", "ReadThrottleEvents", "TableName", table, { stat = "Sum", label = "reads of ${short}" }]],
          [for short, table in var.tables : ["AWS/DynamoDB", "WriteThrottleEvents", "TableName", table, { stat = "Sum", label = "writes of ${short}" }]],
          [for short, queue in var.queues : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue.dlq_name, { stat = "Maximum", label = "dead letters of ${short}" }]],
        )
      },
    ] : { type = "metric", width = 6, properties = jsonencode(merge({ view = "timeSeries", region = local.region, period = 60 }, widget)) }
  ]

  ##############################################################################
  # Cost
  ##############################################################################

  # Five minutes' cost times twelve: dollars an hour at the current rate.
  costs = concat(
    [
      { id = "messages", label = "messages", metrics = { m = ["AWS/ApiGateway", "MessageCount", "ApiId", var.api.id, "Stage", var.api.stage_name] }, stat = "Sum", each = var.prices.message },
      { id = "connections", label = "connections", metrics = { c = [local.own, "ConnectionCount", "Service", var.name] }, stat = "Average", each = 5 * var.prices.connection_minute },
      { id = "writes", label = "DynamoDB writes", metrics = { for short, table in var.tables : "w_${short}" => ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", table] }, stat = "Sum", each = var.prices.write_unit },
      { id = "reads", label = "DynamoDB reads", metrics = { for short, table in var.tables : "r_${short}" => ["AWS/DynamoDB", "ConsumedReadCapacityUnits", "TableName", table] }, stat = "Sum", each = var.prices.read_unit },
      { id = "queues", label = "SQS", metrics = merge([for short, queue in var.queues : { "s_${short}" = ["AWS/SQS", "NumberOfMessagesSent", "QueueName", queue.name], "d_${short}" = ["AWS/SQS", "NumberOfMessagesDeleted", "QueueName", queue.name], "v_${short}" = ["AWS/SQS", "NumberOfMessagesReceived", "QueueName", queue.name] }]...), stat = "Sum", each = var.prices.queue_request },
      { id = "calls", label = "Lambda requests", metrics = { for short, function in var.functions : "i_${short}" => ["AWS/Lambda", "Invocations", "FunctionName", function.name] }, stat = "Sum", each = var.prices.lambda_request },
    ],
    [
      for short, function in var.functions :
      { id = "time_${short}", label = "Lambda ${short}", metrics = { "t_${short}" = ["AWS/Lambda", "Duration", "FunctionName", function.name] }, stat = "Sum", each = var.prices.lambda_gb_second * function.memory_mb / 1024 / 1000 }
    ],
  )

  cost_metrics = concat(
    [for cost in local.costs : jsonencode([{ id = cost.id, label = cost.label, expression = "12 * ${format("%.12f", cost.each)} * (${join(" + ", [for id in keys(cost.metrics) : "FILL(${id}, 0)"])})" }]) if length(cost.metrics) > 0],
    flatten([for cost in local.costs : [for id, metric in cost.metrics : jsonencode(concat(metric, [{ id = id, stat = cost.stat, visible = false }]))]]),
  )

  cost_widgets = [
    {
      type = "metric", width = 16, properties = jsonencode({
        title   = "Cost, dollars an hour (without logs, metrics and traffic)", view = "timeSeries", stacked = true, region = local.region, period = 300
        metrics = [for metric in local.cost_metrics : jsondecode(metric)]
      })
    },
    {
      type = "metric", width = 8, properties = jsonencode({
        title = "Cold starts and executions at once", view = "timeSeries", region = local.region, period = 60
        metrics = [for metric in concat(
          [for short, function in var.functions : jsonencode([local.own, "ColdStarts", "Service", var.name, "Function", function.name, { stat = "Sum", label = "cold ${short}" }])],
          [for short, function in var.functions : jsonencode(["AWS/Lambda", "ConcurrentExecutions", "FunctionName", function.name, { stat = "Maximum", label = "at once ${short}", yAxis = "right" }])],
        ) : jsondecode(metric)]
      })
    },
  ]
}

################################################################################
# Dashboard
################################################################################

resource "aws_cloudwatch_dashboard" "this" {
  count = var.dashboard_enabled ? 1 : 0

  # Dashboards are global to the account: without the Region, deployments of one name in two Regions would share one.
  dashboard_name = "${var.name}-${local.region}"
  dashboard_body = jsonencode({ widgets = local.widgets })
}
