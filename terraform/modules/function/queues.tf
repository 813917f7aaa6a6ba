# Queues of others beside the function's own, of this account or another one: who owns one sets its policy, dead letters
# and key.
resource "aws_lambda_event_source_mapping" "further" {
  for_each = var.further_queues

  function_name           = local.alias.arn
  event_source_arn        = each.value.queue_arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags

  scaling_config {
    maximum_concurrency = each.value.maximum_concurrency
  }

  # Lambda refuses a mapping whose role may not read the queue.
  depends_on = [aws_iam_role_policy.this]
}
