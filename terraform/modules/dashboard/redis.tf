# Redis: reads saved and fallbacks, lag of the index, events of the relay, load of the nodes.
locals {
  redis_widgets = var.cache == null ? [] : [
    for widget in [
      { title = "Reads that Redis did not answer, a minute", stacked = true, metrics = [[{ expression = "SEARCH('{${local.own},Service,Reason} MetricName=\"RedisFallbacks\" Service=\"${var.name}\"', 'Sum', 60)", label = "", id = "fallbacks" }]] },
      { title = "Behind (s)", metrics = [for metric in ["IndexLag", "RelayLag"] : [local.own, metric, "Service", var.name, { stat = "Maximum" }]] },
      {
        title = "Relay and index, a minute"
        metrics = [
          for metric in ["RelayForwarded", "RelayDeadLettered", "RelayLost", "RelayRedisFailures", "IndexFailures", "IndexRepairs"] :
          [local.own, metric, "Service", var.name, { stat = "Sum" }]
        ]
      },
      {
        title = "Redis nodes (percent)"
        metrics = [
          for pair in setproduct(var.cache.cluster_ids, ["EngineCPUUtilization", "DatabaseMemoryUsagePercentage"]) :
          ["AWS/ElastiCache", pair[1], "CacheClusterId", pair[0], { stat = "Maximum" }]
        ]
      },
    ] : { type = "metric", width = 6, properties = jsonencode(merge({ view = "timeSeries", region = local.region, period = 60 }, widget)) }
  ]
}
