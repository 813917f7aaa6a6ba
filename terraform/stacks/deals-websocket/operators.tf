locals {
  # Needed even without Redis: finding out that these functions do not exist takes permission to look.
  operator_functions = distinct(concat(keys(local.names.functions), ["forwarder", "index_projector", "redis_relay"]))
  operator_function_arns = {
    for function in local.operator_functions : function =>
    "arn:${data.aws_partition.current.partition}:lambda:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:function:${local.prefix}-${function}"
  }

  queue_arns       = concat([module.fan_out.events_queue_arn, module.fan_out.deliveries_queue_arn], local.forwarding_used ? [module.fan_out.forwards_queue_arn] : [])
  dead_letter_arns = concat([module.fan_out.events_dlq_arn, module.fan_out.deliveries_dlq_arn], local.forwarding_used ? [module.fan_out.forwards_dlq_arn] : [])
  connection_arns  = { for method in ["GET", "POST", "DELETE"] : method => "${module.websocket_api.execution_arn}/${var.stage_name}/${method}/@connections/*" }

  # What the commands of docs/operator_cli.md call. Reading: status, watch, connections, who, blocked, dlq list and show, index check aside.
  operators_read = {
    # AWS does not say whether looking at an alias is judged by its own ARN or by the function's.
    LookAtFunctions = {
      actions   = ["lambda:GetFunctionConfiguration"]
      resources = flatten([for arn in values(local.operator_function_arns) : [arn, "${arn}:live"]])
    }
    LookAtConnections = { actions = ["dynamodb:GetItem", "dynamodb:Scan"], resources = [local.tables.connections] }
    CountConnections = {
      actions   = ["dynamodb:Query"]
      resources = [module.tables.user_id_index_arn, module.tables.due_index_arn]
    }
    ListBlockedUsers = { actions = ["dynamodb:Query"], resources = [module.tables.recent_index_arn] }
    LookAtHistory    = { actions = ["dynamodb:BatchGetItem", "dynamodb:Query"], resources = [local.tables.history] }
    AskForConnections = {
      actions   = ["execute-api:ManageConnections"]
      resources = [local.connection_arns["GET"]]
    }
    CountLetters = {
      actions   = ["sqs:GetQueueAttributes"]
      resources = concat(local.queue_arns, local.dead_letter_arns)
    }
    # SQS cannot show a message without receiving it: a dead letter is received, read, and released.
    LookAtLetters = { actions = ["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"], resources = local.dead_letter_arns }
    # CloudWatch returns composite alarms only to callers that may describe all alarms.
    LookAtAlarms = { actions = ["cloudwatch:DescribeAlarms"], resources = ["*"] }
    ReadLogs = {
      actions   = ["logs:FilterLogEvents"]
      resources = [for function in keys(local.names.functions) : "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:log-group:${module.function[function].log_group_name}:*"]
    }
  }

  # Changing: kick, revoke, block, unblock, unsubscribe, publish, notify, dlq redrive and purge, index check and rebuild.
  operators_mend = {
    CloseConnections = {
      actions   = ["execute-api:ManageConnections"]
      resources = [local.connection_arns["POST"], local.connection_arns["DELETE"]]
    }
    ForgetConnections = { actions = ["dynamodb:DeleteItem"], resources = [local.tables.connections] }
    ForgetMemberships = { actions = ["dynamodb:BatchWriteItem"], resources = [local.tables.subscriptions] }
    RevokeAndBlock    = { actions = ["dynamodb:PutItem", "dynamodb:DeleteItem"], resources = [local.tables.revocations] }
    InvokeFunctions = {
      actions   = ["lambda:InvokeFunction"]
      resources = [for function in ["broadcast", "index_projector", "janitor"] : "${local.operator_function_arns[function]}:live"]
    }
    RedriveLetters = { actions = ["sqs:SendMessage"], resources = local.queue_arns }
    RemoveLetters  = { actions = ["sqs:DeleteMessage"], resources = local.dead_letter_arns }
  }

  # Customer managed keys, if any, only through the services that the commands call.
  operator_keys = {
    read = { actions = ["kms:Decrypt"], keys = compact([var.kms_key_arn]), services = ["dynamodb", "sqs"] }
    full = { actions = ["kms:Decrypt", "kms:GenerateDataKey"], keys = compact([var.kms_key_arn]), services = ["dynamodb", "sqs"] }
    sign = { actions = ["kms:Decrypt"], keys = local.jwt_secret_used ? distinct(compact([var.kms_key_arn, var.existing_jwt_secret_kms_key_arn])) : [], services = ["secretsmanager"] }
  }

  operator_key_permissions = {
    for policy, use in local.operator_keys : policy => {
      for sid, keys in { UseKeys = use.keys } : sid => {
        actions                  = use.actions
        resources                = keys
        via                      = [for service in use.services : "${service}.${data.aws_region.current.id}.${data.aws_partition.current.dns_suffix}"]
      } if length(keys) > 0
    }
  }

  # Anyone who can read the secret can impersonate any user, so it has a policy of its own.
  operator_policies = {
    for policy, statements in {
      read = merge(local.operators_read, local.operator_key_permissions.read)
      full = merge(local.operators_read, local.operators_mend, local.operator_key_permissions.full)
      sign = merge(local.read_signing_keys, local.operator_key_permissions.sign)
      } : policy => length(statements) == 0 ? null : jsonencode({
        Version = "2012-10-17"
        Statement = [
          for sid, statement in statements : merge(
            { Sid = sid, Effect = "Allow", Action = statement.actions, Resource = statement.resources },
            lookup(statement, "via", null) == null ? {} : { Condition = { StringEquals = { "kms:ViaService" = statement.via } } },
          )
        ]
    })
  }
}
