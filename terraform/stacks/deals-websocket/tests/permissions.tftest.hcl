mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

run "policies_hold_exactly_what_their_holders_need" {
  # Functions have no wildcard permissions.
  assert {
    condition     = alltrue(flatten([for policy in values(output.function_policies) : [for statement in jsondecode(policy).Statement : [for action in statement.Action : !strcontains(action, "*")]]]))
    error_message = "actions must be named in full"
  }

  assert {
    condition = alltrue(flatten([for policy in values(output.function_policies) : [
      for statement in jsondecode(policy).Statement : [
        for resource in statement.Resource : !strcontains(resource, "*") || endswith(resource, "/@connections/*") || endswith(resource, ":log-stream:*")
      ]
    ]]))
    error_message = "only connections and log streams, whose ids are not known at the plan, may be named by a pattern"
  }

  assert {
    condition     = alltrue(flatten([for policy in values(output.function_policies) : [for statement in jsondecode(policy).Statement : statement.Effect == "Allow"]]))
    error_message = "no statement may deny"
  }

  # Each function has a role of its own.
  assert {
    condition     = length(distinct(values(output.function_roles))) == 6
    error_message = "each function must have its own role"
  }

  # Each function may do exactly what its code calls.
  # What the code of each function calls, beyond its logs and its trigger: ACTION RESOURCE.
  assert {
    condition = { for function, permissions in local.permissions : function => join("\n", sort(flatten([
      for statement in values(permissions) : [for pair in setproduct(statement.actions, statement.resources) : "${pair[0]} ${trimprefix(pair[1], join(":", concat(slice(split(":", pair[1]), 0, 5), [""])))}"]
      ]))) } == {
      authorizer = join("\n", [
        "dynamodb:BatchGetItem table/deals-test-revocations",
        "secretsmanager:GetSecretValue secret:deals-test-jwt-signing-keys-AbCdEf",
      ])
      broadcast = join("\n", [
        "dynamodb:BatchGetItem table/deals-test-history",
        "dynamodb:BatchGetItem table/deals-test-subscriptions",
        "dynamodb:BatchWriteItem table/deals-test-history",
        "dynamodb:BatchWriteItem table/deals-test-subscriptions",
        "dynamodb:DeleteItem table/deals-test-connections",
        "dynamodb:DeleteItem table/deals-test-history",
        "dynamodb:GetItem table/deals-test-connections",
        "dynamodb:GetItem table/deals-test-history",
        "dynamodb:PartiQLSelect table/deals-test-subscriptions",
        "dynamodb:PutItem table/deals-test-history",
        "dynamodb:PutItem table/deals-test-messages",
        "dynamodb:Query table/deals-test-connections/index/UserIdIndex",
        "dynamodb:Query table/deals-test-history",
        "dynamodb:Query table/deals-test-subscriptions",
        "dynamodb:UpdateItem table/deals-test-history",
        "dynamodb:UpdateItem table/deals-test-messages",
        "dynamodb:UpdateItem table/deals-test-subscriptions",
        "execute-api:ManageConnections a1b2c3d4e5/v1/POST/@connections/*",
        "sqs:SendMessage deals-test-deliveries",
        "sqs:SendMessage deals-test-events",
        "sqs:SendMessage deals-test-events-dlq",
      ])
      connection_handler = join("\n", [
        "dynamodb:BatchWriteItem table/deals-test-subscriptions",
        "dynamodb:DeleteItem table/deals-test-connections",
        "dynamodb:GetItem table/deals-test-connections",
        "dynamodb:PutItem table/deals-test-connections",
        "dynamodb:Query table/deals-test-connections/index/UserIdIndex",
        "execute-api:ManageConnections a1b2c3d4e5/v1/GET/@connections/*",
      ])
      delivery = join("\n", [
        "dynamodb:BatchWriteItem table/deals-test-subscriptions",
        "dynamodb:DeleteItem table/deals-test-connections",
        "dynamodb:DeleteItem table/deals-test-history",
        "dynamodb:GetItem table/deals-test-connections",
        "dynamodb:Query table/deals-test-connections/index/UserIdIndex",
        "dynamodb:UpdateItem table/deals-test-history",
        "execute-api:ManageConnections a1b2c3d4e5/v1/POST/@connections/*",
        "sqs:SendMessage deals-test-deliveries",
        "sqs:SendMessage deals-test-deliveries-dlq",
      ])
      janitor = join("\n", [
        "dynamodb:BatchGetItem table/deals-test-connections",
        "dynamodb:BatchGetItem table/deals-test-history",
        "dynamodb:BatchWriteItem table/deals-test-history",
        "dynamodb:BatchWriteItem table/deals-test-subscriptions",
        "dynamodb:DeleteItem table/deals-test-connections",
        "dynamodb:DeleteItem table/deals-test-history",
        "dynamodb:DeleteItem table/deals-test-subscriptions",
        "dynamodb:GetItem table/deals-test-connections",
        "dynamodb:GetItem table/deals-test-history",
        "dynamodb:Query table/deals-test-connections/index/DueIndex",
        "dynamodb:Query table/deals-test-connections/index/UserIdIndex",
        "dynamodb:Query table/deals-test-history",
        "dynamodb:Query table/deals-test-revocations/index/RecentIndex",
        "dynamodb:UpdateItem table/deals-test-connections",
        "dynamodb:UpdateItem table/deals-test-history",
        "execute-api:ManageConnections a1b2c3d4e5/v1/DELETE/@connections/*",
        "execute-api:ManageConnections a1b2c3d4e5/v1/GET/@connections/*",
        "execute-api:ManageConnections a1b2c3d4e5/v1/POST/@connections/*",
      ])
      message_router = join("\n", [
        "dynamodb:BatchGetItem table/deals-test-connections",
        "dynamodb:BatchGetItem table/deals-test-history",
        "dynamodb:BatchGetItem table/deals-test-revocations",
        "dynamodb:BatchWriteItem table/deals-test-subscriptions",
        "dynamodb:DeleteItem table/deals-test-connections",
        "dynamodb:DeleteItem table/deals-test-subscriptions",
        "dynamodb:GetItem table/deals-test-connections",
        "dynamodb:GetItem table/deals-test-messages",
        "dynamodb:PutItem table/deals-test-messages",
        "dynamodb:PutItem table/deals-test-subscriptions",
        "dynamodb:Query table/deals-test-connections/index/UserIdIndex",
        "dynamodb:Query table/deals-test-history",
        "dynamodb:Query table/deals-test-messages",
        "dynamodb:Query table/deals-test-subscriptions",
        "dynamodb:UpdateItem table/deals-test-connections",
        "dynamodb:UpdateItem table/deals-test-limits",
        "dynamodb:UpdateItem table/deals-test-messages",
        "dynamodb:UpdateItem table/deals-test-subscriptions",
        "execute-api:ManageConnections a1b2c3d4e5/v1/POST/@connections/*",
        "secretsmanager:GetSecretValue secret:deals-test-jwt-signing-keys-AbCdEf",
        "sqs:SendMessage deals-test-deliveries",
      ])
    }
    error_message = "permissions must be exactly what the code calls: change this list together with the code"
  }

  # Functions post only on this stage and only the janitor closes.
  assert {
    condition = { for function, policy in output.function_policies : function => flatten([for statement in jsondecode(policy).Statement : statement.Resource if contains(statement.Action, "execute-api:ManageConnections")]) } == {
      authorizer         = []
      broadcast          = ["arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/POST/@connections/*"]
      connection_handler = ["arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/GET/@connections/*"]
      delivery           = ["arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/POST/@connections/*"]
      janitor            = [for method in ["POST", "GET", "DELETE"] : "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/${method}/@connections/*"]
      message_router     = ["arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/POST/@connections/*"]
    }
    error_message = "functions may post only to this stage's connections; connection_handler may look whether they are there, and only the janitor may close them"
  }
}

run "connection_handler_may_close_connections_only_where_the_newest_replaces_the_oldest" {
  command = plan

  variables {
    replace_oldest_connection = true
  }

  assert {
    condition     = local.permissions.connection_handler.ManageConnections.resources == [for method in ["GET", "POST", "DELETE"] : "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/${method}/@connections/*"]
    error_message = "without the permission to close, nothing can be replaced"
  }

  assert {
    condition     = local.functions.connection_handler.environment.REPLACE_OLDEST_CONNECTION == "true"
    error_message = "connection_handler must get the option"
  }

  # Each queue is read only by its function.
  assert {
    condition = { for function, policy in output.function_policies : function => flatten([for statement in jsondecode(policy).Statement : statement.Resource if contains(statement.Action, "sqs:ReceiveMessage")]) } == {
      authorizer         = []
      broadcast          = ["arn:aws:sqs:eu-west-1:123456789012:deals-test-events"]
      connection_handler = []
      delivery           = ["arn:aws:sqs:eu-west-1:123456789012:deals-test-deliveries"]
      janitor            = []
      message_router     = []
    }
    error_message = "each queue must have only one reader"
  }

  # Without a key no function may use one.
  assert {
    condition     = alltrue([for policy in values(output.function_policies) : !strcontains(policy, "kms:")])
    error_message = "without a key no function may have permissions on one"
  }

  # Tracing is off by default and grants nothing.
  assert {
    condition     = alltrue([for policy in values(output.function_policies) : !strcontains(policy, "xray:")])
    error_message = "tracing must be off by default"
  }

  # Read policy changes nothing.
  assert {
    condition = toset(flatten(jsondecode(output.operator_policies["read"]).Statement[*].Action)) == toset([
      "cloudwatch:DescribeAlarms", "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "execute-api:ManageConnections",
      "lambda:GetFunctionConfiguration", "logs:FilterLogEvents", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:ReceiveMessage",
    ])
    error_message = "the read policy must hold exactly these actions"
  }

  assert {
    condition     = [for statement in jsondecode(output.operator_policies["read"]).Statement : statement.Resource if contains(statement.Action, "execute-api:ManageConnections")] == [["arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/GET/@connections/*"]]
    error_message = "the read policy may read connections, and neither post nor close"
  }

  # Full policy includes read and reaches only the stack.
  assert {
    condition     = length(setsubtract(jsondecode(output.operator_policies["read"]).Statement[*].Sid, jsondecode(output.operator_policies["full"]).Statement[*].Sid)) == 0
    error_message = "the full policy must include the read policy"
  }

  assert {
    condition     = [for statement in jsondecode(output.operator_policies["full"]).Statement : statement.Sid if contains(statement.Resource, "*")] == ["LookAtAlarms"]
    error_message = "only the actions on alarms support no resources"
  }

  assert {
    condition = [for statement in jsondecode(output.operator_policies["full"]).Statement : statement.Resource if contains(statement.Action, "lambda:InvokeFunction")] == [[
      "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast:live", "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-index_projector:live",
      "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-janitor:live",
    ]]
    error_message = "the full policy may invoke only the aliases of broadcast, the projector and the janitor"
  }

  assert {
    condition     = !strcontains(output.operator_policies["full"], "secretsmanager:")
    error_message = "the full policy must not read the secret"
  }

  # A connection that is closed gets a last frame with the reason.
  assert {
    condition     = [for statement in jsondecode(output.operator_policies["full"]).Statement : statement.Resource if statement.Sid == "CloseConnections"] == [[for method in ["POST", "DELETE"] : "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/v1/${method}/@connections/*"]]
    error_message = "the full policy may close connections, and tell them why"
  }

  assert {
    condition     = max([for policy in values(output.operator_policies) : length(policy)]...) <= 6144
    error_message = "IAM limits a managed policy to 6,144 characters"
  }

  # Only the sign policy reads the secret.
  assert {
    condition     = jsondecode(output.operator_policies["sign"]).Statement[*].Action == [["secretsmanager:GetSecretValue"]]
    error_message = "the sign policy may read the secret and nothing else"
  }
}

run "key_and_tracing_add_only_what_they_need" {
  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1"
    tracing     = "Active"
  }

  # Key is used only through the services that a function calls.
  assert {
    condition = { for function, policy in output.function_policies : function => [
      for statement in jsondecode(policy).Statement : "${join(" ", statement.Action)} ${join(" ", statement.Resource)} ${join(" ", statement.Condition.StringEquals["kms:ViaService"])}" if statement.Sid == "UseKeys"
      ][0] } == {
      authorizer         = "kms:Decrypt arn:aws:kms:eu-west-1:123456789012:key/1 dynamodb.eu-west-1.amazonaws.com secretsmanager.eu-west-1.amazonaws.com"
      broadcast          = "kms:Decrypt kms:GenerateDataKey arn:aws:kms:eu-west-1:123456789012:key/1 dynamodb.eu-west-1.amazonaws.com sqs.eu-west-1.amazonaws.com"
      connection_handler = "kms:Decrypt arn:aws:kms:eu-west-1:123456789012:key/1 dynamodb.eu-west-1.amazonaws.com"
      delivery           = "kms:Decrypt kms:GenerateDataKey arn:aws:kms:eu-west-1:123456789012:key/1 dynamodb.eu-west-1.amazonaws.com sqs.eu-west-1.amazonaws.com"
      janitor            = "kms:Decrypt arn:aws:kms:eu-west-1:123456789012:key/1 dynamodb.eu-west-1.amazonaws.com"
      message_router     = "kms:Decrypt kms:GenerateDataKey arn:aws:kms:eu-west-1:123456789012:key/1 dynamodb.eu-west-1.amazonaws.com secretsmanager.eu-west-1.amazonaws.com sqs.eu-west-1.amazonaws.com"
    }
    error_message = "a function may use the key only through the services that it calls"
  }

  # Operators use the key only through the services that they call.
  assert {
    condition = { for policy, document in output.operator_policies : policy => [
      for statement in jsondecode(document).Statement : "${join(" ", statement.Action)} ${join(" ", statement.Condition.StringEquals["kms:ViaService"])}" if statement.Sid == "UseKeys"
      ][0] } == {
      full = "kms:Decrypt kms:GenerateDataKey dynamodb.eu-west-1.amazonaws.com sqs.eu-west-1.amazonaws.com"
      read = "kms:Decrypt dynamodb.eu-west-1.amazonaws.com sqs.eu-west-1.amazonaws.com"
      sign = "kms:Decrypt secretsmanager.eu-west-1.amazonaws.com"
    }
    error_message = "the key may be used only for what the commands read and send"
  }

  # Tracing lets each function send segments.
  assert {
    condition     = alltrue([for policy in values(output.function_policies) : strcontains(policy, "xray:PutTraceSegments")])
    error_message = "every function must be allowed to send segments"
  }
}

run "functions_of_the_release_before_may_do_what_they_call_when_they_are_rolled_back" {
  assert {
    condition = { for function, permissions in local.permissions_of_release_before : function => flatten([
      for statement in values(permissions) : [for pair in setproduct(statement.actions, statement.resources) : "${pair[0]} ${trimprefix(pair[1], join(":", concat(slice(split(":", pair[1]), 0, 5), [""])))}"]
      ]) } == {
      authorizer     = ["dynamodb:Query table/deals-test-connections/index/UserIdIndex"]
      message_router = ["dynamodb:GetItem table/deals-test-history"]
    }
    error_message = "0.3.0 counts connections in the authorizer, and reads the history's bounds in the router"
  }

  assert {
    condition     = alltrue([for function in keys(local.permissions_of_release_before) : length(setsubtract([for statement in values(local.permissions_of_release_before[function]) : statement.actions[0]], flatten([for statement in jsondecode(output.function_policies[function]).Statement : statement.Action]))) == 0])
    error_message = "the functions' policies must have them"
  }
}
