# What the alarms on the publish API read: API Gateway's metrics of an HTTP API.
locals {
  publish_api_dimensions = try({ ApiId = var.publish_api.id, Stage = var.publish_api.stage_name }, {})

  publish_api_alarms = {
    for key, alarm in {
      publish_api_errors = merge(local.over, local.whole, {
        namespace = "AWS/ApiGateway", metric = "5xx", statistic = "Sum", threshold = var.thresholds.publish_api_errors
        text      = "Publishers get errors from the publish API: their events wait until they try again."
      })
    } : key => merge(alarm, { key = key, dimensions = local.publish_api_dimensions }) if var.publish_api != null
  }

  publish_api_rate_alarms = {
    for key, alarm in {
      publish_api_refusals = {
        text       = "The publish API refuses many requests: tokens, permissions, throttles, or events that break the contract."
        label      = "percent of requests"
        threshold  = var.thresholds.publish_api_refusal_percent
        periods    = 3
        datapoints = 3
        expression = "IF(FILL(requests, 0) >= ${var.thresholds.rate_actions_min}, 100 * FILL(refused, 0) / requests, 0)"
        metrics = {
          refused  = { namespace = "AWS/ApiGateway", metric = "4xx", statistic = "Sum", dimensions = local.publish_api_dimensions }
          requests = { namespace = "AWS/ApiGateway", metric = "Count", statistic = "Sum", dimensions = local.publish_api_dimensions }
        }
      }
    } : key => merge(alarm, { key = key }) if var.publish_api != null
  }
}
