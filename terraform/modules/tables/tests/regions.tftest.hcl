mock_provider "aws" {
  source = "../../mocks"
}

variables {
  names = {
    connections   = "deals-test-connections"
    subscriptions = "deals-test-subscriptions"
    messages      = "deals-test-messages"
    history       = "deals-test-history"
    limits        = "deals-test-limits"
    revocations   = "deals-test-revocations"
  }
}

run "inboxes_are_replicated_and_nothing_else" {
  variables {
    kms_key_arn       = "arn:aws:kms:eu-west-1:123456789012:key/mrk-1"
    messages_replicas = { eu-central-1 = { kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/mrk-1" } }
  }

  assert {
    condition = alltrue([
      for replica in aws_dynamodb_table.this["messages"].replica :
      replica.region_name == "eu-central-1" && replica.kms_key_arn == "arn:aws:kms:eu-central-1:123456789012:key/mrk-1" && replica.point_in_time_recovery && replica.propagate_tags
    ]) && length(aws_dynamodb_table.this["messages"].replica) == 1
    error_message = "a replica has its Region's key, the tags, and is restorable as its table is"
  }

  assert {
    condition     = aws_dynamodb_table.this["messages"].stream_enabled && aws_dynamodb_table.this["messages"].stream_view_type == "NEW_AND_OLD_IMAGES"
    error_message = "DynamoDB replicates by a stream with both images"
  }

  assert {
    condition     = alltrue([for table, resource in aws_dynamodb_table.this : length(resource.replica) == 0 && resource.stream_enabled != true if table != "messages"])
    error_message = "connections and positions are a Region's own"
  }

  assert {
    condition     = output.messages_replica_arns == { eu-central-1 = "arn:aws:dynamodb:eu-central-1:123456789012:table/mock" }
    error_message = "the other Region's deployment needs the replica's ARN"
  }
}

run "deployment_of_another_region_uses_the_replica" {
  command = plan

  variables {
    existing_messages_table = { arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-ireland-messages" }
  }

  assert {
    condition     = !contains(keys(aws_dynamodb_table.this), "messages") && length(aws_dynamodb_table.this) == 5
    error_message = "two tables would be two inboxes"
  }

  assert {
    condition     = output.names.messages == "deals-ireland-messages" && output.arns.messages == "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-ireland-messages"
    error_message = "the functions must be led to the replica"
  }
}

run "refuses_replicas_here_with_keys_of_elsewhere_or_for_some" {
  command = plan

  variables {
    messages_replicas    = { eu-west-1 = { kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1" }, Frankfurt = { kms_key_arn = null } }
    provisioned_capacity = { messages = { reads_min = 5, reads_max = 400, writes_min = 5, writes_max = 200, utilization_percent = 70 } }
  }

  expect_failures = [var.messages_replicas]
}

run "refuses_a_replica_of_a_replica" {
  command = plan

  variables {
    existing_messages_table = { arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-ireland-messages" }
    messages_replicas       = { eu-central-1 = { kms_key_arn = null } }
  }

  expect_failures = [var.messages_replicas]
}

run "refuses_a_table_of_another_region_and_options_of_it" {
  command = plan

  variables {
    existing_messages_table = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/deals-ireland-messages" }
    table_classes           = { messages = "STANDARD" }
  }

  expect_failures = [var.existing_messages_table]
}
