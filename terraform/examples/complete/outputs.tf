output "env" {
  description = "Environment variables for clients"
  value       = module.deals_websocket.env
}

output "publisher_policy_arn" {
  description = "ARN of the policy to attach to backends that publish"
  value       = aws_iam_policy.publisher.arn
}

output "prices_topic_arn" {
  description = "ARN of the SNS topic whose messages are events"
  value       = aws_sns_topic.prices.arn
}

output "shop_event_bus_name" {
  description = "Name of the EventBridge bus whose DealPublished events are events"
  value       = aws_cloudwatch_event_bus.shop.name
}

output "events_queue_url" {
  description = "URL of the queue that takes events"
  value       = module.deals_websocket.queue_urls.events
}

output "redis_publisher_policy_arn" {
  description = "ARN of the policy to attach to services that publish through Redis"
  value       = aws_iam_policy.redis_publisher.arn
}

output "redis" {
  description = "Where Redis is"
  value       = module.deals_websocket.redis
}

output "redis_publisher" {
  description = "What a service needs to publish through Redis: VPC, security group and user"
  value       = module.deals_websocket.redis_publisher
}
