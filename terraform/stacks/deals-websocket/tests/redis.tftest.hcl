mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest_with_redis.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
  redis_enabled     = true
}

run "off_leaves_no_vpc_no_cache_no_stream_and_no_function_more" {
  variables {
    redis_enabled     = false
    packages_manifest = "tests/fixtures/manifest.json"
  }

  assert {
    condition     = length(module.network) == 0 && length(module.cache) == 0 && module.tables.subscriptions_stream_arn == null
    error_message = "what is switched off costs nothing"
  }

  assert {
    condition     = toset(keys(module.function)) == toset(["authorizer", "broadcast", "connection_handler", "delivery", "janitor", "message_router"])
    error_message = "neither the relay nor the projector is there"
  }

  assert {
    condition     = length(local.vpc_functions) == 0 && length(local.stream_triggers) == 0 && alltrue([for policy in values(output.function_policies) : !strcontains(policy, "ec2:") && !strcontains(policy, "elasticache:")])
    error_message = "no function is in a VPC, or may be"
  }

  assert {
    condition     = alltrue(flatten([for settings in values(local.functions) : [for name in keys(settings.environment) : !startswith(name, "REDIS") && name != "INDEX_ENABLED" && name != "LIMITS_STORE"]]))
    error_message = "no function is told of what is not there"
  }

  assert {
    condition     = output.redis == null && output.redis_publisher == null
    error_message = "there is nothing to speak of"
  }
}

run "what_speaks_to_redis_is_in_the_vpc_and_nothing_else" {
  assert {
    condition     = toset(local.vpc_functions) == toset(["broadcast", "index_projector", "redis_relay"])
    error_message = "the connection plane stays outside, where it can post"
  }

  assert {
    condition     = toset([for function, policy in output.function_policies : function if strcontains(policy, "ec2:CreateNetworkInterface")]) == toset(local.vpc_functions)
    error_message = "only a function in a VPC may have network interfaces"
  }

  assert {
    condition     = contains(local.vpc_config.security_group_ids, "sg-clients") && length(local.vpc_config.security_group_ids) == 2 && length(local.vpc_config.subnet_ids) == 2
    error_message = "they carry the group that gets out to AWS and the one that gets to the cache, in two Availability Zones"
  }
}

run "broadcast_never_posts_from_the_vpc" {
  assert {
    condition     = local.functions.broadcast.environment.DIRECT_AUDIENCE_MAX == "0" && !strcontains(output.function_policies.broadcast, "execute-api:")
    error_message = "no endpoint leads to a connection: everything goes by the queue"
  }
}

run "each_function_connects_as_itself_by_iam" {
  assert {
    condition = { for function in local.vpc_functions : function => { for name, value in local.functions[function].environment : name => value if startswith(name, "REDIS_") } } == {
      broadcast = {
        REDIS_IAM_CACHE = "deals-test"
        REDIS_URL       = "rediss://master.deals-test.abc123.euw1.cache.amazonaws.com:6379"
        REDIS_USERNAME  = "deals-test-broadcast"
      }
      index_projector = {
        REDIS_IAM_CACHE = "deals-test"
        REDIS_URL       = "rediss://master.deals-test.abc123.euw1.cache.amazonaws.com:6379"
        REDIS_USERNAME  = "deals-test-index-projector"
      }
      redis_relay = {
        REDIS_IAM_CACHE = "deals-test"
        REDIS_URL       = "rediss://master.deals-test.abc123.euw1.cache.amazonaws.com:6379"
        REDIS_USERNAME  = "deals-test-redis-relay"
      }
    }
    error_message = "where, as whom, and for which cache a token is signed"
  }

  assert {
    condition = { for function, policy in output.function_policies : function => flatten([for statement in jsondecode(policy).Statement : statement.Resource if contains(statement.Action, "elasticache:Connect")]) } == {
      authorizer         = []
      broadcast          = ["arn:aws:elasticache:eu-west-1:123456789012:replicationgroup:deals-test", "arn:aws:elasticache:eu-west-1:123456789012:user:deals-test-broadcast"]
      connection_handler = []
      delivery           = []
      index_projector    = ["arn:aws:elasticache:eu-west-1:123456789012:replicationgroup:deals-test", "arn:aws:elasticache:eu-west-1:123456789012:user:deals-test-index-projector"]
      janitor            = []
      message_router     = []
      redis_relay        = ["arn:aws:elasticache:eu-west-1:123456789012:replicationgroup:deals-test", "arn:aws:elasticache:eu-west-1:123456789012:user:deals-test-redis-relay"]
    }
    error_message = "a role connects as its own user, and as nobody else"
  }

  assert {
    condition     = alltrue([for policy in values(output.function_policies) : !strcontains(policy, "redis-auth-token")]) && output.redis_publisher.auth_token_secret_arn == null
    error_message = "there is no secret"
  }
}

run "the_new_functions_may_do_exactly_what_their_code_calls" {
  assert {
    condition = { for function in ["index_projector", "redis_relay"] : function => join("\n", sort(flatten([
      for statement in values(local.permissions[function]) : [for pair in setproduct(statement.actions, statement.resources) : "${pair[0]} ${trimprefix(pair[1], join(":", concat(slice(split(":", pair[1]), 0, 5), [""])))}"]
      ]))) } == {
      index_projector = join("\n", [
        "dynamodb:BatchGetItem table/deals-test-subscriptions",
        "dynamodb:DeleteItem table/deals-test-subscriptions",
        "dynamodb:Query table/deals-test-subscriptions",
        "dynamodb:Scan table/deals-test-subscriptions",
        "dynamodb:UpdateItem table/deals-test-history",
        "elasticache:Connect replicationgroup:deals-test",
        "elasticache:Connect user:deals-test-index-projector",
      ])
      redis_relay = join("\n", [
        "elasticache:Connect replicationgroup:deals-test",
        "elasticache:Connect user:deals-test-redis-relay",
        "lambda:InvokeFunction function:deals-test-broadcast:live",
      ])
    }
    error_message = "a right more is an opening, a right less a fault: change this list together with the code"
  }
}

run "the_relay_hands_over_each_minute_to_a_successor" {
  assert {
    condition     = local.schedules.redis_relay.expression == "rate(1 minute)" && local.timeouts_seconds.redis_relay == 900 && var.reserved_concurrency.redis_relay == 2
    error_message = "one holds the lease, the next waits for it, and no third is started"
  }

  assert {
    condition     = local.functions.redis_relay.environment.BROADCAST_FUNCTION == "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast:live"
    error_message = "it calls the version in service, which is what it may call"
  }
}

run "the_projector_reads_the_stream_and_tends_the_index_each_minute" {
  assert {
    condition     = local.schedules.index_projector.input == "{\"task\":\"tend\"}" && local.schedules.index_projector.expression == "rate(1 minute)" && local.timeouts_seconds.index_projector == 900
    error_message = "tending is told apart from a batch by its input, and may rebuild everything"
  }

  assert {
    condition     = local.stream_triggers.index_projector.stream_arn == "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-subscriptions/stream/2026-01-01T00:00:00.000" && local.stream_triggers.index_projector.batch_size == 500
    error_message = "the index follows the subscriptions table"
  }

  assert {
    condition     = [for statement in jsondecode(output.function_policies.index_projector).Statement : statement.Resource if statement.Sid == "ReadStream"][0] == [module.tables.subscriptions_stream_arn]
    error_message = "its role may read that one stream"
  }

  assert {
    condition     = local.functions.message_router.environment.INDEX_ENABLED == "true"
    error_message = "who subscribes is told to leave word for the index"
  }
}

run "endpoints_lead_to_this_services_things_alone" {
  assert {
    condition     = toset(keys(module.network[0].endpoint_policies)) == toset(["dynamodb", "lambda", "sqs"])
    error_message = "what no function calls has no endpoint: it would be charged for nothing"
  }

  assert {
    condition     = jsondecode(module.network[0].endpoint_policies.lambda).Statement[0].Resource == ["arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast:live"]
    error_message = "the relay's way out leads to broadcast"
  }

  assert {
    condition     = toset(jsondecode(module.network[0].endpoint_policies.sqs).Statement[0].Resource) == toset(["arn:aws:sqs:eu-west-1:123456789012:deals-test-deliveries", "arn:aws:sqs:eu-west-1:123456789012:deals-test-events-dlq"])
    error_message = "broadcast's way out leads to the queues it sends to"
  }
}

run "publishers_get_a_user_that_sees_nothing" {
  assert {
    condition = output.redis_publisher == {
      auth_token_secret_arn = null
      connect_resources     = ["arn:aws:elasticache:eu-west-1:123456789012:replicationgroup:deals-test", "arn:aws:elasticache:eu-west-1:123456789012:user:deals-test-publisher"]
      security_group_id     = "sg-clients"
      user_name             = "deals-test-publisher"
      vpc_id                = module.network[0].vpc_id
    }
    error_message = "all that another service needs to publish"
  }

  assert {
    condition     = local.redis_access.publisher == { keys = ["%W~deals:events"], channels = ["deals:[^@]*"], commands = ["ping", "client|setname", "multi", "exec", "discard", "publish", "xadd"] }
    error_message = "it adds to the stream and speaks on the channels, and no more"
  }
}

run "every_user_stays_within_its_names" {
  assert {
    condition     = alltrue(flatten([for access in values(local.redis_access) : [for pattern in concat(access.keys, access.channels) : can(regex("^(%[RW]~)?deals:", pattern))]]))
    error_message = "another service may use the same cache: this one touches deals:* alone"
  }

  assert {
    condition = alltrue(flatten([for access in values(local.redis_access) : [
      for command in access.commands : !contains(["acl", "config", "debug", "flushall", "flushdb", "function", "keys", "migrate", "monitor", "replicaof", "shutdown", "swapdb"], split("|", command)[0])
    ]]))
    error_message = "no function may flush or reconfigure the cache"
  }
}

run "operators_find_the_nodes_and_the_address" {
  assert {
    condition = merge(output.redis, { cluster_ids = join(" ", output.redis.cluster_ids) }) == {
      cluster_ids          = "deals-test-001 deals-test-002"
      endpoint             = "master.deals-test.abc123.euw1.cache.amazonaws.com"
      node_count           = 2
      port                 = 6379
      replication_group_id = "deals-test"
      slow_log_group_name  = null
      url                  = "rediss://master.deals-test.abc123.euw1.cache.amazonaws.com:6379"
    }
    error_message = "alarms are made of these"
  }
}

run "an_auth_token_is_kept_in_a_secret_and_never_in_the_environment" {
  variables {
    redis            = { authentication = "auth_token", port = 7379 }
    redis_auth_token = "a-token-of-at-least-sixteen-characters"
  }

  assert {
    condition = { for function in local.vpc_functions : function => { for name, value in local.functions[function].environment : name => value if startswith(name, "REDIS_") } } == { for function in local.vpc_functions : function => {
      REDIS_SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:deals-test-redis-auth-token-AbCdEf"
      REDIS_URL        = "rediss://master.deals-test.abc123.euw1.cache.amazonaws.com:7379"
    } }
    error_message = "functions are told where the token is, not what it is"
  }

  assert {
    condition     = toset([for function, policy in output.function_policies : function if strcontains(policy, "redis-auth-token")]) == toset(local.vpc_functions)
    error_message = "only who connects may read it"
  }

  assert {
    condition     = jsondecode(module.network[0].endpoint_policies.secretsmanager).Statement[0].Resource == ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:deals-test-redis-auth-token-AbCdEf"]
    error_message = "and there is a way to it, and to no other secret"
  }

  assert {
    condition     = alltrue([for policy in values(output.function_policies) : !strcontains(policy, "elasticache:")])
    error_message = "nobody connects by IAM"
  }
}

run "an_existing_vpc_with_a_nat_gateway_lets_limits_be_counted_in_redis" {
  variables {
    limits_store = "redis"
    network      = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"], internet_egress = true }
  }

  assert {
    condition     = local.functions.message_router.environment.LIMITS_STORE == "redis" && local.functions.message_router.environment.REDIS_USERNAME == "deals-test-message-router"
    error_message = "the router is told to count in Redis, and as whom"
  }

  assert {
    condition     = contains(local.vpc_functions, "message_router") && strcontains(output.function_policies.message_router, "user:deals-test-message-router") && strcontains(output.function_policies.message_router, "execute-api:ManageConnections")
    error_message = "it is where Redis is, and still posts, by the NAT gateway"
  }

  assert {
    condition     = module.network[0].vpc_id == "vpc-1" && length(module.network[0].endpoint_policies) == 0
    error_message = "nothing is made in somebody else's VPC but security groups"
  }

  assert {
    condition     = !strcontains(output.function_policies.broadcast, "execute-api:")
    error_message = "broadcast does not post, NAT gateway or not"
  }
}

run "a_key_is_used_by_the_new_functions_where_they_read_what_it_encrypts" {
  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1"
  }

  assert {
    condition     = local.key_permissions.index_projector.UseKeys.conditions[0].values == ["dynamodb.eu-west-1.amazonaws.com"] && length(local.key_permissions.redis_relay) == 0
    error_message = "the projector reads the table, the relay reads nothing that is encrypted"
  }
}

run "long_names_give_ids_within_elasticaches_40_characters_that_stay_unique" {
  command = plan

  variables {
    name        = "deals-for-all-of-the-family"
    environment = "staging-europe"
  }

  assert {
    condition     = alltrue([for id in concat([local.names.cache], values(local.names.redis_users)) : can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", id)) && length(id) <= 40])
    error_message = "ElastiCache refuses longer ones"
  }

  assert {
    condition     = endswith(local.names.cache, substr(sha256("deals-for-all-of-the-family-staging-europe"), 0, 5))
    error_message = "what was cut off is told apart by a hash"
  }
}

run "no_function_may_do_everything_or_touch_everything_with_redis_either" {
  assert {
    condition     = alltrue(flatten([for policy in values(output.function_policies) : [for statement in jsondecode(policy).Statement : [for action in statement.Action : !strcontains(action, "*")]]]))
    error_message = "an action is named in full"
  }

  assert {
    condition = alltrue(flatten([for policy in values(output.function_policies) : [
      for statement in jsondecode(policy).Statement : [
        for resource in statement.Resource : !strcontains(resource, "*") || endswith(resource, "/@connections/*") || endswith(resource, ":log-stream:*") || endswith(resource, "/stream/*")
      ] if statement.Sid != "ManageNetworkInterfaces" && statement.Effect == "Allow"
    ]]))
    error_message = "beside what nobody knows beforehand, only network interfaces, whose making names no resource"
  }

  assert {
    condition     = alltrue([for function in local.vpc_functions : anytrue([for statement in jsondecode(output.function_policies[function]).Statement : statement.Effect == "Deny" && contains(statement.Action, "ec2:CreateNetworkInterface")])])
    error_message = "and those are denied to the functions' code"
  }
}

run "a_local_server_without_tls_is_reached_as_it_is" {
  variables {
    redis            = { authentication = "auth_token" }
    redis_auth_token = "a-token-of-at-least-sixteen-characters"
    local_endpoints = {
      websocket_url       = "ws://127.0.0.1:4566/_aws/execute-api/{api_id}/{stage}"
      management_endpoint = "http://127.0.0.1:4566/_aws/execute-api/{api_id}/{stage}"
      redis_url           = "redis://127.0.0.1:7379"
    }
  }

  assert {
    condition     = alltrue([for function in local.vpc_functions : local.functions[function].environment.REDIS_URL == "redis://127.0.0.1:7379"])
    error_message = "the address is the local cloud's to say"
  }
}

run "what_redis_brings_is_watched" {
  variables {
    redis = { replicas = 1 }
  }

  assert {
    condition     = [for id in keys(output.alarm_names) : id if startswith(id, "cache_memory/")] == ["cache_memory/deals-test-001", "cache_memory/deals-test-002"]
    error_message = "each node of the cache"
  }

  assert {
    condition     = [for id in keys(output.alarm_names) : id if startswith(id, "iterator_age/")] == ["iterator_age/index_projector"]
    error_message = "how far the index is behind"
  }

  assert {
    condition     = !contains(keys(output.alarm_names), "lambda_concurrency/redis_relay")
    error_message = "two of the relay are as they should be"
  }
}
