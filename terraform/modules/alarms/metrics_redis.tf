# What the alarms on Redis read: the service's own metrics about it, and ElastiCache's metrics of each node.
locals {
  ##############################################################################
  # The service's own metrics
  ##############################################################################

  redis_alarms = {
    for key, alarm in {
      redis_fallbacks = merge(local.whole, {
        metric = "RedisFallbacks", statistic = "Sum", threshold = var.thresholds.redis_fallbacks
        text   = "Events are read from DynamoDB, because Redis or its index is of no use."
      })
      # Published each minute, so missing data is a fault too: a dead man's switch.
      index_behind = merge(local.slow, {
        metric  = "IndexLag", statistic = "Maximum", threshold = var.thresholds.index_lag_seconds
        missing = "breaching"
        text    = "The index in Redis is behind its table, or nobody tends it."
      })
      index_failures = merge(local.slow, {
        metric     = "IndexFailures", statistic = "Sum", threshold = var.thresholds.index_failures
        datapoints = 3
        text       = "The index in Redis is of no use, or its stream fails."
      })
      index_repairs = merge(local.whole, {
        metric = "IndexRepairs", statistic = "Sum", threshold = var.thresholds.index_repairs
        text   = "The index in Redis differed from its table."
      })
      relay_silent = {
        metric     = "RelayLag", statistic = "SampleCount", threshold = 1
        comparison = "LessThanThreshold", missing = "breaching"
        period     = 60, periods = var.thresholds.relay_silent_minutes, datapoints = var.thresholds.relay_silent_minutes
        text       = "Nothing relays what is published through Redis."
      }
      relay_lag = merge(local.fast, {
        metric = "RelayLag", statistic = "Maximum", threshold = var.thresholds.relay_lag_seconds
        text   = "What is published through Redis waits."
      })
      relay_dead_letters = merge(local.whole, {
        metric = "RelayDeadLettered", statistic = "Sum", threshold = var.thresholds.relay_dead_letters
        text   = "Events that came by Redis were put aside."
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
        cache_cpu             = { metric = "EngineCPUUtilization", statistic = "Average", threshold = var.thresholds.cache_cpu_percent, text = "The cache's one thread is busy." }
        cache_memory          = { metric = "DatabaseMemoryUsagePercentage", statistic = "Maximum", threshold = var.thresholds.cache_memory_percent, text = "The cache is nearly full." }
        cache_evictions       = { metric = "Evictions", statistic = "Sum", threshold = var.thresholds.cache_evictions, text = "The cache is full and evicts." }
        cache_replication_lag = { metric = "ReplicationLag", statistic = "Maximum", threshold = var.thresholds.cache_replication_lag_seconds, text = "A replica is behind." }
        } : "${key}/${cluster}" => merge(local.over, local.whole, alarm, {
          key = key, namespace = "AWS/ElastiCache", dimensions = { CacheClusterId = cluster }
      })
    }
  ]...)
}
