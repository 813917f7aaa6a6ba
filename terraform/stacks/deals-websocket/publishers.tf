locals {
  sns_topics = {
    for name, topic in var.sns_topics : name => {
      topic_arn           = topic.topic_arn
      filter_policy       = try(var.sns_filter_policies[name].policy, null)
      filter_policy_scope = try(var.sns_filter_policies[name].scope, "MessageAttributes")
    }
  }

  # What a publisher may do, by how it publishes. Invoking is allowed on the alias alone: what is rolled back is rolled back
  # for publishers too.
  publishers = {
    invoke = {
      PublishByInvoking = { actions = ["lambda:InvokeFunction"], resources = [module.function["broadcast"].alias_arn] }
    }

    queue = {
      PublishByQueue = { actions = ["sqs:SendMessage"], resources = [module.fan_out.events_queue_arn] }
    }

    # A token is a right by itself.
    http = var.publish_api_enabled && var.publish_api_authorization == "IAM" ? {
      PublishByHttp = { actions = ["execute-api:Invoke"], resources = module.publish_api[*].route_arn }
    } : null

    redis = var.redis_enabled ? {
      for sid, statement in {
        PublishByRedis = { actions = ["elasticache:Connect"], resources = lookup(one(module.cache[*].connect_resources), "publisher", []) }
        ReadRedisToken = { actions = ["secretsmanager:GetSecretValue"], resources = module.cache[*].auth_token_secret_arn }
      } : sid => statement if sid == (local.redis_iam_used ? "PublishByRedis" : "ReadRedisToken")
    } : null
  }

  # Customer managed keys, only through the service that the publisher calls.
  publisher_keys = {
    queue = { actions = ["kms:GenerateDataKey", "kms:Decrypt"], service = "sqs", used = true }
    redis = { actions = ["kms:Decrypt"], service = "secretsmanager", used = !local.redis_iam_used }
  }

  publisher_policies = {
    for way, statements in local.publishers : way => statements == null ? null : jsonencode({
      Version = "2012-10-17"
      Statement = concat(
        [for sid, statement in statements : { Sid = sid, Effect = "Allow", Action = statement.actions, Resource = statement.resources }],
        [for key in compact([var.kms_key_arn]) : {
          Sid       = "UseKey"
          Effect    = "Allow"
          Action    = local.publisher_keys[way].actions
          Resource  = [key]
          Condition = { StringEquals = { "kms:ViaService" = ["${local.publisher_keys[way].service}.${data.aws_region.current.id}.${data.aws_partition.current.dns_suffix}"] } }
        } if try(local.publisher_keys[way].used, false)],
      )
    })
  }
}
