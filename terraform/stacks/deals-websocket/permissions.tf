data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  tables              = module.tables.arns
  post_to_connections = "${module.websocket_api.execution_arn}/${var.stage_name}/POST/@connections/*"

  # Where only public keys verify, no function reads a secret.
  read_signing_keys = {
    for sid, used in { ReadSigningKeys = local.jwt_secret_used } : sid => {
      actions                          = ["secretsmanager:GetSecretValue"]
      resources                        = [local.jwt_secret_arn]
    } if used
  }

  # In a VPC, from which no connection can be reached, broadcast queues everything.
  post_directly = {
    for sid, used in { PostToConnections = !contains(local.vpc_functions, "broadcast") } : sid => {
      actions                            = ["execute-api:ManageConnections"]
      resources                          = [local.post_to_connections]
    } if used
  }

  # What each function may do beyond its logs and its trigger: the calls of its code, on its own things. A transaction
  # needs the rights of its writes; a batch has a right of its own.
  permissions = merge({
    authorizer = merge(local.read_signing_keys, {
      CheckRevocations = { actions = ["dynamodb:BatchGetItem"], resources = [local.tables.revocations] }
    })

    connection_handler = {
      RecordConnection = {
        actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"]
        resources = [local.tables.connections]
      }
      CountConnections  = { actions = ["dynamodb:Query"], resources = [module.tables.user_id_index_arn] }
      ForgetMemberships = { actions = ["dynamodb:BatchWriteItem"], resources = [local.tables.subscriptions] }
      # What is gone of a user's connections makes room for a new one.
      ManageConnections = {
        actions   = ["execute-api:ManageConnections"]
        resources = [for method in concat(["GET"], var.replace_oldest_connection ? ["POST", "DELETE"] : []) : "${module.websocket_api.execution_arn}/${var.stage_name}/${method}/@connections/*"]
      }
    }

    message_router = merge(local.read_signing_keys, {
      CheckRevocations = { actions = ["dynamodb:BatchGetItem"], resources = [local.tables.revocations] }
      CountActions     = { actions = ["dynamodb:UpdateItem"], resources = [local.tables.limits] }
      ReadConnection = {
        actions   = ["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
        resources = [local.tables.connections]
      }
      FindConnectionsOfUser = { actions = ["dynamodb:Query"], resources = [module.tables.user_id_index_arn] }
      KeepSubscriptions = {
        actions   = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"]
        resources = [local.tables.subscriptions]
      }
      CountFilters = { actions = ["dynamodb:Query"], resources = [local.tables.subscriptions] }
      KeepMessages = {
        actions   = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"]
        resources = [local.tables.messages]
      }
      ReadHistory = { actions = ["dynamodb:Query"], resources = [local.tables.history] }
      # A new subscription reads both at once.
      LookAtBoth        = { actions = ["dynamodb:BatchGetItem"], resources = [local.tables.connections, local.tables.history] }
      PostToConnections = { actions = ["execute-api:ManageConnections"], resources = [local.post_to_connections] }
      QueueDeliveries   = { actions = ["sqs:SendMessage"], resources = [module.fan_out.deliveries_queue_arn] }
    }, local.redis_permissions.message_router)

    broadcast = merge(local.post_directly, local.queue_forwards, {
      FindConnectionsOfUser = { actions = ["dynamodb:Query"], resources = [module.tables.user_id_index_arn] }
      ForgetConnections     = { actions = ["dynamodb:GetItem", "dynamodb:DeleteItem"], resources = [local.tables.connections] }
      FindSubscribers = {
        actions   = ["dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem"]
        resources = [local.tables.subscriptions]
      }
      # Many small groups at once, by their keys: a SELECT without them would be a scan.
      FindSubscribersOfManyGroups = {
        actions    = ["dynamodb:PartiQLSelect"]
        resources  = [local.tables.subscriptions]
        conditions = [{ test = "BoolIfExists", variable = "dynamodb:FullTableScan", values = ["false"] }]
      }
      StoreNotifications = { actions = ["dynamodb:PutItem", "dynamodb:UpdateItem"], resources = [local.tables.messages] }
      KeepHistory = {
        actions = [
          "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query",
          "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem",
        ]
        resources = [local.tables.history]
      }
      QueueDeliveries = { actions = ["sqs:SendMessage"], resources = [module.fan_out.deliveries_queue_arn] }
      # Those of an envelope that could not be published just now.
      QueueFailedEvents = { actions = ["sqs:SendMessage"], resources = [module.fan_out.events_queue_arn] }
      KeepRefusedEvents = { actions = ["sqs:SendMessage"], resources = [module.fan_out.events_dlq_arn] }
    }, local.redis_permissions.broadcast)

    delivery = {
      # Of users whose connections could not be looked up when the job was queued.
      FindConnectionsOfUser = { actions = ["dynamodb:Query"], resources = [module.tables.user_id_index_arn] }
      ForgetConnections     = { actions = ["dynamodb:GetItem", "dynamodb:DeleteItem"], resources = [local.tables.connections] }
      ForgetMemberships     = { actions = ["dynamodb:BatchWriteItem"], resources = [local.tables.subscriptions] }
      PostToConnections     = { actions = ["execute-api:ManageConnections"], resources = [local.post_to_connections] }
      QueueDeliveries       = { actions = ["sqs:SendMessage"], resources = [module.fan_out.deliveries_queue_arn] }
      CompleteChunks        = { actions = ["dynamodb:UpdateItem", "dynamodb:DeleteItem"], resources = [local.tables.history] }
      KeepUndeliverable     = { actions = ["sqs:SendMessage"], resources = [module.fan_out.deliveries_dlq_arn] }
    }

    janitor = {
      FindWhatIsDue         = { actions = ["dynamodb:Query"], resources = [module.tables.due_index_arn] }
      FindRevocations       = { actions = ["dynamodb:Query"], resources = [module.tables.recent_index_arn] }
      FindConnectionsOfUser = { actions = ["dynamodb:Query"], resources = [module.tables.user_id_index_arn] }
      TendConnections = {
        actions   = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
        resources = [local.tables.connections]
      }
      # One by one where an operator ends a subscription, with the record's update in one transaction.
      ForgetMemberships = { actions = ["dynamodb:BatchWriteItem", "dynamodb:DeleteItem"], resources = [local.tables.subscriptions] }
      # And the leases of its own work.
      TrimHistory = {
        actions = [
          "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query",
          "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem",
        ]
        resources = [local.tables.history]
      }
      ManageConnections = {
        actions   = ["execute-api:ManageConnections"]
        resources = [for method in ["POST", "GET", "DELETE"] : "${module.websocket_api.execution_arn}/${var.stage_name}/${method}/@connections/*"]
      }
    }
  }, local.forwarding_permissions, { for function in keys(local.redis_functions) : function => local.redis_permissions[function] })

  # What the code of the release before (0.3.0) calls beyond that. A function that is rolled back has its old code and this
  # role: without these, no handshake would succeed. They go with the next minor version.
  permissions_of_release_before = {
    authorizer     = { CountConnections = { actions = ["dynamodb:Query"], resources = [module.tables.user_id_index_arn] } }
    message_router = { ReadBounds = { actions = ["dynamodb:GetItem"], resources = [local.tables.history] } }
  }

  ##############################################################################
  # Customer managed keys, if any
  ##############################################################################

  secret_services = local.jwt_secret_used ? ["secretsmanager"] : []

  # Reading what a service encrypted takes Decrypt; sending to an encrypted queue takes GenerateDataKey too.
  key_users = merge({
    authorizer         = { services = concat(["dynamodb"], local.secret_services), sends = false }
    connection_handler = { services = ["dynamodb"], sends = false }
    message_router     = { services = concat(["dynamodb"], local.secret_services, ["sqs"]), sends = true }
    broadcast          = { services = concat(["dynamodb", "sqs"], local.redis_secret_services), sends = true }
    delivery           = { services = ["dynamodb", "sqs"], sends = true }
    janitor            = { services = ["dynamodb"], sends = false }
  }, local.forwarding_key_users, local.redis_key_users)

  # An existing secret may have its own key, and so may the replica of another deployment's inboxes.
  key_arns = {
    for function, user in local.key_users : function => distinct(compact(concat([
      var.kms_key_arn, contains(keys(local.permissions[function]), "ReadSigningKeys") ? var.existing_jwt_secret_kms_key_arn : null,
      contains(["message_router", "broadcast"], function) ? var.existing_messages_table_kms_key_arn : null,
    ])))
  }

  # From queues of others broadcast only receives.
  event_queue_keys = distinct(compact(values(var.event_queues)[*].kms_key_arn))

  key_permissions = {
    for function, user in local.key_users : function => {
      for sid, use in {
        UseKeys              = { actions = concat(["kms:Decrypt"], user.sends ? ["kms:GenerateDataKey"] : []), resources = local.key_arns[function], services = distinct(user.services) }
        UseKeysOfEventQueues = { actions = ["kms:Decrypt"], resources = function == "broadcast" ? local.event_queue_keys : [], services = ["sqs"] }
        } : sid => {
        actions   = use.actions
        resources = use.resources
        conditions = [{
          test     = "StringEquals"
          variable = "kms:ViaService"
          values   = [for service in use.services : "${service}.${data.aws_region.current.id}.${data.aws_partition.current.dns_suffix}"]
        }]
      } if length(use.resources) > 0 && length(use.services) > 0
    }
  }
}
