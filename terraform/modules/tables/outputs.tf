################################################################################
# Tables
################################################################################

output "names" {
  description = "Names of the tables by what they hold, for the functions' environment"
  value       = local.names
}

output "arns" {
  description = "ARNs of the tables by what they hold, for the functions' policies"
  value       = local.arns
}

output "user_id_index_arn" {
  description = "ARN of the index that finds a user's connections, for the functions' policies"
  value       = "${local.arns["connections"]}/index/${local.user_id_index}"
}

output "due_index_arn" {
  description = "ARN of the index that finds the connections that something is due for, for the functions' policies"
  value       = "${local.arns["connections"]}/index/${local.due_index}"
}

output "recent_index_arn" {
  description = "ARN of the index that finds recent revocations, for the functions' policies"
  value       = "${local.arns["revocations"]}/index/${local.recent_index}"
}

output "subscriptions_stream_arn" {
  description = "ARN of the stream of the subscriptions table, for the function that reads it; null if there is none"
  value       = var.subscriptions_stream_enabled ? aws_dynamodb_table.this["subscriptions"].stream_arn : null
}

output "messages_replica_arns" {
  description = "ARNs of the replicas of the messages table by Region, for the deployments there"
  value       = { for region in keys(var.messages_replicas) : region => replace(local.arns["messages"], ":${data.aws_region.current.id}:", ":${region}:") }
}
