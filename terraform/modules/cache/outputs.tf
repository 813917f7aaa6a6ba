################################################################################
# Cache
################################################################################

output "replication_group_id" {
  description = "Id of the replication group, which clients sign their IAM tokens for"
  value       = aws_elasticache_replication_group.this.id
}

output "endpoint" {
  description = "Host name of the primary, which stays when another node takes over"
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "port" {
  description = "Port of the nodes"
  value       = aws_elasticache_replication_group.this.port
}

output "url" {
  description = "URL of the primary (TLS), without credentials"
  value       = "rediss://${aws_elasticache_replication_group.this.primary_endpoint_address}:${aws_elasticache_replication_group.this.port}"
}

output "cluster_ids" {
  description = "Ids of the nodes: the CacheClusterId dimension of their metrics"
  value       = sort(aws_elasticache_replication_group.this.member_clusters)
}

output "node_count" {
  description = "Number of nodes, known at the plan, to make something for each"
  value       = 1 + var.replicas
}

################################################################################
# Access
################################################################################

output "security_group_id" {
  description = "Id of the nodes' security group, to let a group of one's own out to it"
  value       = aws_security_group.cache.id
}

output "client_security_group_id" {
  description = "Id of the security group that clients carry: it is let in, and out to the cache alone"
  value       = local.client_security_group_id
}

output "users" {
  description = "Names of the users by what they were named in `users`; empty with an AUTH token"
  value       = { for user, resource in aws_elasticache_user.this : user => resource.user_name }
}

output "connect_resources" {
  description = "By user: the ARNs that elasticache:Connect must name, in the policy of the role that connects as that user"
  value       = { for user, resource in aws_elasticache_user.this : user => [aws_elasticache_replication_group.this.arn, resource.arn] }
}

output "auth_token_secret_arn" {
  description = "ARN of the secret with the AUTH token, for those who may connect; null with users by IAM"
  value       = one(aws_secretsmanager_secret_version.auth_token[*].arn)
}

################################################################################
# Logs
################################################################################

output "slow_log_group_name" {
  description = "Name of the slow log's group; null when off"
  value       = one(aws_cloudwatch_log_group.slow[*].name)
}
