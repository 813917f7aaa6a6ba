output "websocket_url" {
  description = "WebSocket URL that clients connect to"
  value       = module.deals_websocket.websocket_url
}

output "api_id" {
  description = "Id of the API"
  value       = module.deals_websocket.api_id
}

output "management_endpoint" {
  description = "Endpoint of the API for PostToConnection"
  value       = module.deals_websocket.management_endpoint
}

output "function_names" {
  description = "Names of the functions by what they do"
  value       = module.deals_websocket.function_names
}

output "function_arns" {
  description = "ARNs of the functions' versions in service: what to invoke"
  value       = module.deals_websocket.function_arns
}

output "publisher_policies" {
  description = "Policies (JSON) for the roles of backends that publish, by how they do: invoke, queue, http, redis"
  value       = module.deals_websocket.publisher_policies
}

output "publish_api_url" {
  description = "Where backends POST events; null without a publish API"
  value       = module.deals_websocket.publish_api_url
}

output "queue_urls" {
  description = "URLs of the queues"
  value       = module.deals_websocket.queue_urls
}

output "table_names" {
  description = "Names of the tables by what they hold"
  value       = module.deals_websocket.table_names
}

output "jwt_secret_arn" {
  description = "ARN of the secret with the signing keys"
  value       = module.deals_websocket.jwt_secret_arn
}

output "log_group_names" {
  description = "Names of the log groups of the functions and the API"
  value       = module.deals_websocket.log_group_names
}

output "operator_policies" {
  description = "Policies (JSON) for people who use the operator's command line: read, full, sign"
  value       = module.deals_websocket.operator_policies
}

output "env" {
  description = "Environment variables for clients and tests"
  value       = module.deals_websocket.env
}

output "alarm_names" {
  description = "Names of the alarms by key"
  value       = module.deals_websocket.alarm_names
}

output "alarm_topic_arn" {
  description = "ARN of the topic that the alarms notify, to subscribe to it"
  value       = module.deals_websocket.alarm_topic_arn
}

output "dashboard_name" {
  description = "Name of the CloudWatch dashboard"
  value       = module.deals_websocket.dashboard_name
}

output "redis" {
  description = "The cache: address, ids; null when off"
  value       = module.deals_websocket.redis
}

output "redis_publisher" {
  description = "What a service needs to publish through Redis; null when off"
  value       = module.deals_websocket.redis_publisher
}
