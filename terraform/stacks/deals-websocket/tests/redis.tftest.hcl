mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest_with_redis.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
  redis_enabled     = true
}

run "without_redis_there_is_no_vpc_cache_stream_or_further_function" {
  variables {
    redis_enabled     = false
    packages_manifest = "tests/fixtures/manifest.json"
  }

  assert {
    condition     = length(module.network) == 0 && length(module.cache) == 0 && module.tables.subscriptions_stream_arn == null
    error_message = "without Redis none of its resources may exist"
  }

  assert {
    condition     = toset(keys(module.function)) == toset(["authorizer", "broadcast", "connection_handler", "delivery", "janitor", "message_router"])
    error_message = "without Redis neither the relay nor the projector may exist"
  }

  assert {
    condition     = length(local.vpc_functions) == 0 && length(local.stream_triggers) == 0 && alltrue([for policy in values(output.function_policies) : !strcontains(policy, "ec2:") && !strcontains(policy, "elasticache:")])
    error_message = "without Redis no function may be in a VPC or have its permissions"
  }

  assert {
    condition     = alltrue(flatten([for settings in values(local.functions) : [for name in keys(settings.environment) : !startswith(name, "REDIS") && name != "INDEX_ENABLED" && name != "LIMITS_STORE"]]))
    error_message = "without Redis no function may have its settings"
  }

  assert {
    condition     = output.redis == null && output.redis_publisher == null
    error_message = "without Redis its outputs must be null"
  }
}

run "with_redis_its_functions_alone_are_in_the_vpc_and_each_connects_as_itself" {
  # Only functions that use Redis are in the VPC.
  assert {
    condition     = toset(local.vpc_functions) == toset(["broadcast", "index_projector", "redis_relay"])
    error_message = "functions that post to connections must stay outside the VPC"
  }

  assert {
    condition     = toset([for function, policy in output.function_policies : function if strcontains(policy, "ec2:CreateNetworkInterface")]) == toset(local.vpc_functions)
    error_message = "only functions in a VPC may have network interfaces"
  }

  assert {
    condition     = contains(local.vpc_config.security_group_ids, "sg-clients") && length(local.vpc_config.security_group_ids) == 2 && length(local.vpc_config.subnet_ids) == 2
    error_message = "functions must have the groups for AWS and for the cache, in two Availability Zones"
  }

  # Broadcast never posts from the VPC.
  assert {
    condition     = local.functions.broadcast.environment.DIRECT_AUDIENCE_MAX == "0" && !strcontains(output.function_policies.broadcast, "execute-api:")
    error_message = "broadcast must push everything through the queue, because no endpoint serves connections"
  }

  # Each function connects as itself by IAM.
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
    error_message = "functions must know the address, their user, and the cache that a token is signed for"
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
    error_message = "a role may connect only as its own user"
  }

  assert {
    condition     = alltrue([for policy in values(output.function_policies) : !strcontains(policy, "redis-auth-token")]) && output.redis_publisher.auth_token_secret_arn == null
    error_message = "there must be no secret"
  }

  # Relay and projector may do exactly what their code calls.
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
    error_message = "permissions must be exactly what the code calls: change this list together with the code"
  }

  # Relay is started each minute and at most two run.
  assert {
    condition     = local.schedules.redis_relay.expression == "rate(1 minute)" && local.timeouts_seconds.redis_relay == 900 && local.reserved_concurrency["redis_relay"] == 2
    error_message = "two runs of the relay may overlap, and no more"
  }

  assert {
    condition     = local.functions.redis_relay.environment.BROADCAST_FUNCTION == "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast:live"
    error_message = "the relay must invoke the alias of broadcast, which is what it may call"
  }

  # Projector reads the stream and maintains the index each minute.
  assert {
    condition     = one(local.schedules.index_projector.inputs) == "{\"task\":\"tend\"}" && local.schedules.index_projector.expression == "rate(1 minute)" && local.timeouts_seconds.index_projector == 900
    error_message = "the schedule must pass the maintenance task, and the timeout must allow a rebuild"
  }

  assert {
    condition     = local.stream_triggers.index_projector.stream_arn == "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-subscriptions/stream/2026-01-01T00:00:00.000" && local.stream_triggers.index_projector.batch_size == 500
    error_message = "the projector must read the stream of the subscriptions table"
  }

  assert {
    condition     = [for statement in jsondecode(output.function_policies.index_projector).Statement : statement.Resource if statement.Sid == "ReadStream"][0] == [module.tables.subscriptions_stream_arn]
    error_message = "its role may read only that stream"
  }

  assert {
    condition     = local.functions.message_router.environment.INDEX_ENABLED == "true"
    error_message = "the functions that subscribe must record changes for the index"
  }

  # Endpoints reach only resources of this service.
  assert {
    condition     = toset(keys(module.network[0].endpoint_policies)) == toset(["dynamodb", "lambda", "sqs"])
    error_message = "no endpoint may exist for a service that no function calls, because it costs"
  }

  assert {
    condition     = jsondecode(module.network[0].endpoint_policies.lambda).Statement[0].Resource == ["arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast:live"]
    error_message = "the Lambda endpoint must reach only broadcast"
  }

  # What broadcast may send to, its endpoint lets through: a policy that forgets a queue refuses what the role allows.
  assert {
    condition     = length(setsubtract(flatten([for statement in jsondecode(output.function_policies.broadcast).Statement : statement.Resource if statement.Effect == "Allow" && contains(flatten([statement.Action]), "sqs:SendMessage")]), jsondecode(module.network[0].endpoint_policies.sqs).Statement[0].Resource)) == 0
    error_message = "every queue that broadcast sends to must be reachable through the endpoint"
  }

  assert {
    condition     = toset(jsondecode(module.network[0].endpoint_policies.sqs).Statement[0].Resource) == toset(["arn:aws:sqs:eu-west-1:123456789012:deals-test-deliveries", "arn:aws:sqs:eu-west-1:123456789012:deals-test-events", "arn:aws:sqs:eu-west-1:123456789012:deals-test-events-dlq"])
    error_message = "the SQS endpoint must reach only the queues that broadcast sends to"
  }

  # Publishers get a user that may only publish.
  assert {
    condition = output.redis_publisher == {
      auth_token_secret_arn = null
      connect_resources     = ["arn:aws:elasticache:eu-west-1:123456789012:replicationgroup:deals-test", "arn:aws:elasticache:eu-west-1:123456789012:user:deals-test-publisher"]
      security_group_id     = "sg-clients"
      user_name             = "deals-test-publisher"
      vpc_id                = module.network[0].vpc_id
    }
    error_message = "the output must hold all that another service needs to publish"
  }

  assert {
    condition     = local.redis_access.publisher == { keys = ["%W~deals:events"], channels = ["deals:[^@]*"], commands = ["ping", "client|setname", "multi", "exec", "discard", "publish", "xadd"] }
    error_message = "the publisher's user may only add to the stream and publish to channels"
  }

  # Every user may use only names of the service.
  assert {
    condition     = alltrue(flatten([for access in values(local.redis_access) : [for pattern in concat(access.keys, access.channels) : can(regex("^(%[RW]~)?deals:", pattern))]]))
    error_message = "users may use only deals:*, because other services may share the cache"
  }

  assert {
    condition = alltrue(flatten([for access in values(local.redis_access) : [
      for command in access.commands : !contains(["acl", "config", "debug", "flushall", "flushdb", "function", "keys", "migrate", "monitor", "replicaof", "shutdown", "swapdb"], split("|", command)[0])
    ]]))
    error_message = "no function may flush or reconfigure the cache"
  }

  # Operators find the nodes and the address.
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
    error_message = "operators must find the nodes and the address"
  }

  # Functions have no wildcard permissions with Redis.
  assert {
    condition     = alltrue(flatten([for policy in values(output.function_policies) : [for statement in jsondecode(policy).Statement : [for action in statement.Action : !strcontains(action, "*")]]]))
    error_message = "actions must be named in full"
  }

  assert {
    condition = alltrue(flatten([for policy in values(output.function_policies) : [
      for statement in jsondecode(policy).Statement : [
        for resource in statement.Resource : !strcontains(resource, "*") || endswith(resource, "/@connections/*") || endswith(resource, ":log-stream:*") || endswith(resource, "/stream/*")
      ] if statement.Sid != "ManageNetworkInterfaces" && statement.Effect == "Allow"
    ]]))
    error_message = "beside ids that are not known at the plan, only network interfaces may have a pattern, because creating them names no resource"
  }

  assert {
    condition     = alltrue([for function in local.vpc_functions : anytrue([for statement in jsondecode(output.function_policies[function]).Statement : statement.Effect == "Deny" && contains(statement.Action, "ec2:CreateNetworkInterface")])])
    error_message = "the functions' code must be denied network interfaces"
  }
}

run "auth_token_is_in_a_secret_and_not_in_the_environment" {
  variables {
    redis_authentication = "auth_token"
    redis_port           = 7379
    redis_auth_token     = "a-token-of-at-least-sixteen-characters"
  }

  assert {
    condition = { for function in local.vpc_functions : function => { for name, value in local.functions[function].environment : name => value if startswith(name, "REDIS_") } } == { for function in local.vpc_functions : function => {
      REDIS_SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:deals-test-redis-auth-token-AbCdEf"
      REDIS_URL        = "rediss://master.deals-test.abc123.euw1.cache.amazonaws.com:7379"
    } }
    error_message = "functions must get the token's ARN, not the token"
  }

  assert {
    condition     = toset([for function, policy in output.function_policies : function if strcontains(policy, "redis-auth-token")]) == toset(local.vpc_functions)
    error_message = "only functions that connect may read the secret"
  }

  assert {
    condition     = jsondecode(module.network[0].endpoint_policies.secretsmanager).Statement[0].Resource == ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:deals-test-redis-auth-token-AbCdEf"]
    error_message = "the Secrets Manager endpoint must reach only this secret"
  }

  assert {
    condition     = alltrue([for policy in values(output.function_policies) : !strcontains(policy, "elasticache:")])
    error_message = "with an AUTH token no role may connect by IAM"
  }
}

run "existing_vpc_with_a_nat_gateway_allows_limits_in_redis" {
  variables {
    limits_store    = "redis"
    existing_vpc    = { id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] }
    internet_egress = true
  }

  assert {
    condition     = local.functions.message_router.environment.LIMITS_STORE == "redis" && local.functions.message_router.environment.REDIS_USERNAME == "deals-test-message-router"
    error_message = "the router must count in Redis, as its own user"
  }

  assert {
    condition     = contains(local.vpc_functions, "message_router") && strcontains(output.function_policies.message_router, "user:deals-test-message-router") && strcontains(output.function_policies.message_router, "execute-api:ManageConnections")
    error_message = "the router must be in the VPC, and post through the NAT gateway"
  }

  assert {
    condition     = module.network[0].vpc_id == "vpc-1" && length(module.network[0].endpoint_policies) == 0
    error_message = "in an existing VPC only security groups may be created"
  }

  assert {
    condition     = !strcontains(output.function_policies.broadcast, "execute-api:")
    error_message = "broadcast must not post, even with a NAT gateway"
  }
}

run "given_key_is_used_and_replicas_have_alarms" {
  variables {
    kms_key_arn    = "arn:aws:kms:eu-west-1:123456789012:key/1"
    redis_replicas = 1
  }

  # Given key is used by the projector but not the relay.
  assert {
    condition     = local.key_permissions.index_projector.UseKeys.conditions[0].values == ["dynamodb.eu-west-1.amazonaws.com"] && length(local.key_permissions.redis_relay) == 0
    error_message = "only the projector, which reads the table, may use the key"
  }

  # Resources of Redis have alarms.
  assert {
    condition     = [for id in keys(output.alarm_names) : id if startswith(id, "cache_memory/")] == ["cache_memory/deals-test-001", "cache_memory/deals-test-002"]
    error_message = "every node of the cache must have alarms"
  }

  assert {
    condition     = [for id in keys(output.alarm_names) : id if startswith(id, "iterator_age/")] == ["iterator_age/index_projector"]
    error_message = "there must be an alarm on the lag of the index"
  }

  assert {
    condition     = !contains(keys(output.alarm_names), "lambda_concurrency/redis_relay")
    error_message = "two runs of the relay must not count as high concurrency"
  }
}

run "long_names_give_unique_ids_of_at_most_40_characters" {
  command = plan

  variables {
    name        = "deals-for-all-of-the-family"
    environment = "staging-europe"
  }

  assert {
    condition     = alltrue([for id in concat([local.names.cache], values(local.names.redis_users)) : can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", id)) && length(id) <= 40])
    error_message = "ElastiCache refuses ids above 40 characters"
  }

  assert {
    condition     = endswith(local.names.cache, substr(sha256("deals-for-all-of-the-family-staging-europe"), 0, 5))
    error_message = "a hash must distinguish shortened names"
  }
}

run "local_server_is_reached_without_tls" {
  variables {
    redis_authentication = "auth_token"
    redis_auth_token     = "a-token-of-at-least-sixteen-characters"
    local_endpoints = {
      websocket_url       = "ws://127.0.0.1:4566/_aws/execute-api/{api_id}/{stage}"
      management_endpoint = "http://127.0.0.1:4566/_aws/execute-api/{api_id}/{stage}"
      redis_url           = "redis://127.0.0.1:7379"
    }
  }

  assert {
    condition     = alltrue([for function in local.vpc_functions : local.functions[function].environment.REDIS_URL == "redis://127.0.0.1:7379"])
    error_message = "the functions must use the address of the local cloud"
  }
}

run "on_the_way_out_of_the_vpc_network_and_rights_stay_and_no_function_is_in_it" {
  variables {
    redis_enabled    = false
    network_retained = true
  }

  assert {
    condition     = length(module.network) == 1 && length(aws_security_group.redis_clients) == 1 && length(module.cache) == 0 && length(local.vpc_functions) == 0
    error_message = "earlier versions of functions still have interfaces in the network, so it must stay while the functions leave"
  }

  assert {
    condition     = alltrue([for function in ["broadcast", "message_router"] : strcontains(output.function_policies[function], "ec2:DeleteNetworkInterface")])
    error_message = "Lambda removes the interfaces of earlier versions by the function's role"
  }

  assert {
    condition     = !strcontains(output.function_policies.delivery, "ec2:")
    error_message = "a function that never was in the VPC must get no right to interfaces"
  }
}

run "after_that_the_network_goes" {
  variables {
    redis_enabled = false
  }

  assert {
    condition     = length(module.network) + length(aws_security_group.redis_clients) == 0
    error_message = "the network must go in an apply of its own"
  }
}

run "redis_comes_back" {
  assert {
    condition     = length(module.network) == 1 && length(module.cache) == 1
    error_message = "Redis must be able to return, in another VPC too"
  }
}

run "redis_and_network_go_at_once" {
  variables {
    redis_enabled = false
  }

  assert {
    condition     = length(module.network) + length(module.cache) == 0
    error_message = "whoever forgets the step between must get AWS's refusal and no cycle of Terraform's"
  }
}
