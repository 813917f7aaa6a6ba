################################################################################
# For clients
################################################################################

output "websocket_url" {
  description = "WebSocket URL that clients connect to"
  value       = local.websocket_url
}

output "env" {
  description = "Environment variables for clients and tests: WEBSOCKET_API_GATEWAY_URL, WEBSOCKET_API_GATEWAY_ID"
  value = {
    WEBSOCKET_API_GATEWAY_URL = local.websocket_url
    WEBSOCKET_API_GATEWAY_ID  = module.websocket_api.api_id
  }
}

################################################################################
# For publishers
################################################################################

output "function_names" {
  description = "Names of the functions by what they do, for logs and metrics; what is invoked is in `function_arns`"
  value       = { for function, instance in module.function : function => instance.name }
}

output "function_arns" {
  description = "ARNs of the functions' versions in service (alias `live`): what to invoke. Publishers invoke `broadcast`"
  value       = { for function, instance in module.function : function => instance.alias_arn }
}

output "publisher_policies" {
  description = "Policies (JSON) for the roles of backends that publish, by how they do: `invoke` broadcast, send to the events `queue`, POST to the publish API (`http`; null without IAM there), through `redis` (null without)"
  value       = local.publisher_policies
}

output "queue_urls" {
  description = "URLs of the queues: `events` takes events from publishers, the rest is to look at"
  value = merge({
    events         = module.fan_out.events_queue_url
    events_dlq     = module.fan_out.events_dlq_url
    deliveries     = module.fan_out.deliveries_queue_url
    deliveries_dlq = module.fan_out.deliveries_dlq_url
    }, local.forwarding_used ? {
    forwards     = module.fan_out.forwards_queue_url
    forwards_dlq = module.fan_out.forwards_dlq_url
  } : {})
}

output "queue_arns" {
  description = "ARNs of the queues, for publishers' policies and for alarms"
  value = merge({
    events         = module.fan_out.events_queue_arn
    events_dlq     = module.fan_out.events_dlq_arn
    deliveries     = module.fan_out.deliveries_queue_arn
    deliveries_dlq = module.fan_out.deliveries_dlq_arn
    }, local.forwarding_used ? {
    forwards     = module.fan_out.forwards_queue_arn
    forwards_dlq = module.fan_out.forwards_dlq_arn
  } : {})
}

output "forwarded_events_bus_arn" {
  description = "ARN of the event bus for events that other Regions forward: what their `forward_events_to` names; null without one"
  value       = module.fan_out.forwarded_events_bus_arn
}

output "messages_replica_arns" {
  description = "ARNs of the replicas of the inboxes by Region: what `existing_messages_table` of the deployments there names"
  value       = module.tables.messages_replica_arns
}

################################################################################
# For operators
################################################################################

output "api_id" {
  description = "Id of the API: the ApiId dimension of its metrics"
  value       = module.websocket_api.api_id
}

output "management_endpoint" {
  description = "Endpoint of the API for PostToConnection, as the functions have it"
  value       = local.management_endpoint
}

output "table_names" {
  description = "Names of the tables by what they hold"
  value       = module.tables.names
}

output "jwt_secret_arn" {
  description = "ARN of the secret with the signing keys, to rotate it and to let issuers of tokens read it; null where only public keys verify"
  value       = local.jwt_secret_arn
}

output "log_group_names" {
  description = "Names of the log groups: the functions' by function, `access` and `execution` for the API, and `publish_api` for the publish API's access log (null when off)"
  value = merge({ for function, instance in module.function : function => instance.log_group_name }, {
    access      = module.websocket_api.access_log_group_name
    execution   = module.websocket_api.execution_log_group_name
    publish_api = one(module.publish_api[*].access_log_group_name)
  })
}

output "function_policies" {
  description = "Each function's whole policy (JSON), to audit what it may do"
  value       = { for function, instance in module.function : function => instance.policy }
}

output "function_roles" {
  description = "Name of each function's own role, for audits and for policies of other resources"
  value       = { for function, instance in module.function : function => instance.role_name }
}

output "alarm_names" {
  description = "Names of the alarms by key, or key/instance where there is one for each of several things; none where they are off"
  value       = merge([for alarms in module.alarms : alarms.names]...)
}

output "alarm_topic_arn" {
  description = "ARN of the topic that the alarms notify, to subscribe to it; null without alarms"
  value       = one(module.alarms[*].topic_arn)
}

output "dashboard_name" {
  description = "Name of the CloudWatch dashboard; null without one"
  value       = module.dashboard.dashboard_name
}

output "operator_policies" {
  description = "Policies (JSON) for people who use the operator's command line: `read` only reads, `full` may also change things, `sign` reads the signing secret (null where there is none)"
  value       = local.operator_policies
}
