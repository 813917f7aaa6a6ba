# What the alarms on Redis read: the service's own metrics about it, and ElastiCache's metrics of each node.
locals {
  ##############################################################################
  # The service's own metrics
  ##############################################################################

  redis_alarms = {
    for key, alarm in {
      redis_fallbacks = merge(local.whole, {
        metric = "RedisFallbacks", statistic = "Sum", threshold = var.thresholds.redis_fallbacks
        text   = "Subscribers are read from DynamoDB, because Redis or its index cannot be used."
      })
      # Published each minute, so missing data is a fault too: a dead man's switch.
      index_behind = merge(local.slow, {
        metric  = "IndexLag", statistic = "Maximum", threshold = var.thresholds.index_lag_seconds
        missing = "breaching"
        text    = "The index in Redis is behind its table, or its maintenance does not run."
      })
      index_failures = merge(local.slow, {
        metric     = "IndexFailures", statistic = "Sum", threshold = var.thresholds.index_failures
        datapoints = 3
        text       = "The index in Redis cannot be used, or its stream fails."
      })
      index_repairs = merge(local.whole, {
        metric = "IndexRepairs", statistic = "Sum", threshold = var.thresholds.index_repairs
        text   = "The index in Redis differed from its table."
      })
      relay_silent = {
        metric     = "RelayLag", statistic = "SampleCount", threshold = 1
        comparison = "LessThanThreshold", missing = "breaching"
        period     = 60, periods = var.thresholds.relay_silent_minutes, datapoints = var.thresholds.relay_silent_minutes
        text       = "The relay has not run, so events published through Redis reach nobody."
      }
      relay_lag = merge(local.fast, {
        metric = "RelayLag", statistic = "Maximum", threshold = var.thresholds.relay_lag_seconds
        text   = "Events published through Redis wait."
      })
      relay_dead_letters = merge(local.whole, {
        metric = "RelayDeadLettered", statistic = "Sum", threshold = var.thresholds.relay_dead_letters
        text   = "Events published through Redis became dead letters."
      })
      relay_lost = merge(local.whole, {
        metric = "RelayLost", statistic = "Sum", threshold = var.thresholds.relay_lost
        text   = "Messages of Redis channels were lost."
      })
      relay_redis_failures = merge(local.whole, {
        metric = "RelayRedisFailures", statistic = "Sum", threshold = var.thresholds.relay_redis_failures
        text   = "The relay cannot reach Redis."
      })
      } : key => merge(local.over, alarm, {
        key        = key
        namespace  = local.own_namespace
        dimensions = local.own
    }) if var.cache != null
  }

  ##############################################################################
  # ElastiCache
  ##############################################################################

  cache_alarms = merge([
    for cluster in var.cache == null ? [] : var.cache.cluster_ids : {
      for key, alarm in {
        cache_cpu             = { metric = "EngineCPUUtilization", statistic = "Average", threshold = var.thresholds.cache_cpu_percent, text = "The cache's single thread is busy." }
        cache_memory          = { metric = "DatabaseMemoryUsagePercentage", statistic = "Maximum", threshold = var.thresholds.cache_memory_percent, text = "The cache is nearly full." }
        cache_evictions       = { metric = "Evictions", statistic = "Sum", threshold = var.thresholds.cache_evictions, text = "The cache is full and evicts." }
        cache_replication_lag = { metric = "ReplicationLag", statistic = "Maximum", threshold = var.thresholds.cache_replication_lag_seconds, text = "A replica is behind." }
        } : "${key}/${cluster}" => merge(local.over, local.whole, alarm, {
          key = key, namespace = "AWS/ElastiCache", dimensions = { CacheClusterId = cluster }
      })
    }
  ]...)
}
