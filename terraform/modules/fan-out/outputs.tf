################################################################################
# Queues
################################################################################

output "events_queue_url" {
  description = "URL of the events queue, for publishers that send to it"
  value       = aws_sqs_queue.this["events"].url
}

output "events_queue_arn" {
  description = "ARN of the events queue, for the policies of publishers and the broadcast function's trigger"
  value       = aws_sqs_queue.this["events"].arn
}

output "deliveries_queue_url" {
  description = "URL of the deliveries queue, for the functions that plan or put back posts"
  value       = aws_sqs_queue.this["deliveries"].url
}

output "deliveries_queue_arn" {
  description = "ARN of the deliveries queue, for the functions' policies and the delivery function's trigger"
  value       = aws_sqs_queue.this["deliveries"].arn
}

output "forwards_queue_url" {
  description = "URL of the forwards queue, for the broadcast function; null without one"
  value       = try(aws_sqs_queue.this["forwards"].url, null)
}

output "forwards_queue_arn" {
  description = "ARN of the forwards queue, for the broadcast function's policy and the forwarder function's trigger; null without one"
  value       = try(aws_sqs_queue.this["forwards"].arn, null)
}

output "forwarded_events_bus_arn" {
  description = "ARN of the event bus for events that other deployments forward, for those deployments; null without one"
  value       = one(aws_cloudwatch_event_bus.forwarded[*].arn)
}

output "visibility_timeouts_seconds" {
  description = "By queue (events, deliveries, forwards): how long a received message stays hidden, for the check of the triggers"
  value       = local.visibility_timeouts_seconds
}

################################################################################
# Dead-letter queues
################################################################################

output "events_dlq_url" {
  description = "URL of the events' dead-letter queue, where refused events go with the reason"
  value       = aws_sqs_queue.dead_letters["events"].url
}

output "events_dlq_arn" {
  description = "ARN of the events' dead-letter queue, for the broadcast function's policy and failure destination, and for alarms"
  value       = aws_sqs_queue.dead_letters["events"].arn
}

output "deliveries_dlq_url" {
  description = "URL of the deliveries' dead-letter queue, to look at and redrive what could not be posted"
  value       = aws_sqs_queue.dead_letters["deliveries"].url
}

output "deliveries_dlq_arn" {
  description = "ARN of the deliveries' dead-letter queue, for policies and alarms"
  value       = aws_sqs_queue.dead_letters["deliveries"].arn
}

output "forwards_dlq_url" {
  description = "URL of the forwards' dead-letter queue, to look at and redrive what a Region did not accept for half a day; null without one"
  value       = try(aws_sqs_queue.dead_letters["forwards"].url, null)
}

output "forwards_dlq_arn" {
  description = "ARN of the forwards' dead-letter queue, for policies and alarms; null without one"
  value       = try(aws_sqs_queue.dead_letters["forwards"].arn, null)
}
