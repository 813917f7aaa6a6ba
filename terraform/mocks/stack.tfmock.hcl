# ARNs and URLs of the stack's own resources, each distinct, so that its policies can be compared by them. Outside the
# stack nothing has these addresses.

override_resource {
  target = module.tables.aws_dynamodb_table.this["connections"]
  values = { arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-connections" }
}

override_resource {
  target = module.tables.aws_dynamodb_table.this["subscriptions"]
  values = {
    arn        = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-subscriptions"
    stream_arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-subscriptions/stream/2026-01-01T00:00:00.000"
  }
}

override_resource {
  target = module.tables.aws_dynamodb_table.this["messages"]
  values = { arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-messages" }
}

override_resource {
  target = module.tables.aws_dynamodb_table.this["history"]
  values = { arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-history" }
}

override_resource {
  target = module.tables.aws_dynamodb_table.this["limits"]
  values = { arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-limits" }
}

override_resource {
  target = module.tables.aws_dynamodb_table.this["revocations"]
  values = { arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-revocations" }
}

override_resource {
  target = module.fan_out.aws_sqs_queue.this["events"]
  values = {
    arn = "arn:aws:sqs:eu-west-1:123456789012:deals-test-events"
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/deals-test-events"
  }
}

override_resource {
  target = module.fan_out.aws_sqs_queue.this["deliveries"]
  values = {
    arn = "arn:aws:sqs:eu-west-1:123456789012:deals-test-deliveries"
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/deals-test-deliveries"
  }
}

override_resource {
  target = module.fan_out.aws_sqs_queue.dead_letters["events"]
  values = {
    arn = "arn:aws:sqs:eu-west-1:123456789012:deals-test-events-dlq"
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/deals-test-events-dlq"
  }
}

override_resource {
  target = module.fan_out.aws_sqs_queue.dead_letters["deliveries"]
  values = {
    arn = "arn:aws:sqs:eu-west-1:123456789012:deals-test-deliveries-dlq"
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/deals-test-deliveries-dlq"
  }
}

override_resource {
  target = module.fan_out.aws_sqs_queue.this["forwards"]
  values = {
    arn = "arn:aws:sqs:eu-west-1:123456789012:deals-test-forwards"
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/deals-test-forwards"
  }
}

override_resource {
  target = module.cache[0].aws_elasticache_user.this["broadcast"]
  values = { arn = "arn:aws:elasticache:eu-west-1:123456789012:user:deals-test-broadcast" }
}

override_resource {
  target = module.cache[0].aws_elasticache_user.this["redis_relay"]
  values = { arn = "arn:aws:elasticache:eu-west-1:123456789012:user:deals-test-redis-relay" }
}

override_resource {
  target = module.cache[0].aws_elasticache_user.this["index_projector"]
  values = { arn = "arn:aws:elasticache:eu-west-1:123456789012:user:deals-test-index-projector" }
}

override_resource {
  target = module.cache[0].aws_elasticache_user.this["message_router"]
  values = { arn = "arn:aws:elasticache:eu-west-1:123456789012:user:deals-test-message-router" }
}

override_resource {
  target = module.cache[0].aws_elasticache_user.this["publisher"]
  values = { arn = "arn:aws:elasticache:eu-west-1:123456789012:user:deals-test-publisher" }
}

override_resource {
  target = module.cache[0].aws_secretsmanager_secret_version.auth_token[0]
  values = { arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:deals-test-redis-auth-token-AbCdEf" }
}

override_resource {
  target = aws_security_group.redis_clients[0]
  values = { id = "sg-clients" }
}
