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

output "visibility_timeouts_seconds" {
  description = "By queue (events, deliveries): how long a received message stays hidden, for the check of the triggers"
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
