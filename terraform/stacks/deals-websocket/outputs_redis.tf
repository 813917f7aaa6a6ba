################################################################################
# Redis, all null when off
################################################################################

output "redis" {
  description = "The cache: `endpoint` and `port`, `url`, `replication_group_id`, `cluster_ids` and `node_count` (for alarms), `slow_log_group_name`"
  value = one([for cache in module.cache : {
    endpoint             = cache.endpoint
    port                 = cache.port
    url                  = cache.url
    replication_group_id = cache.replication_group_id
    cluster_ids          = cache.cluster_ids
    node_count           = cache.node_count
    slow_log_group_name  = cache.slow_log_group_name
  }])
}

output "redis_publisher" {
  description = "For services that publish through Redis: `security_group_id` to carry, `user_name` to connect as by IAM, `connect_resources` that their role's elasticache:Connect names, or `auth_token_secret_arn`"
  value = one([for cache in module.cache : {
    vpc_id                = one(module.network[*].vpc_id)
    security_group_id     = cache.client_security_group_id
    user_name             = lookup(cache.users, "publisher", null)
    connect_resources     = lookup(cache.connect_resources, "publisher", null)
    auth_token_secret_arn = cache.auth_token_secret_arn
  }])
}
